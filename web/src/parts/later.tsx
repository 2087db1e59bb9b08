import { type ComponentChildren, type FunctionComponent } from 'preact'
import { useEffect, useState } from 'preact/hooks'

/** Makes a component whose code is loaded when it is first shown, and stays. Until
 * then `meanwhile` stands in its place. `start` loads it ahead of time. */
export function later<P extends object>(load: () => Promise<FunctionComponent<P>>, meanwhile: ComponentChildren = null): FunctionComponent<P> & { start: () => void } {
  let loading: Promise<void> | undefined
  let View: FunctionComponent<P> | undefined
  const start = () => {
    // A failed load (the network went away) is tried again the next time.
    loading ??= load().then(view => { View = view }, () => { loading = undefined })
    return loading
  }
  function Later(props: P) {
    const [, shown] = useState(0)
    const complete = View !== undefined
    useEffect(() => {
      // Not View itself: it may have come between drawing and here.
      if (complete) return
      let here = true
      const attempt = (): void => void start().then(() => {
        if (!here) return
        if (View) shown(n => n + 1)
        else setTimeout(() => { if (here) attempt() }, 1000)
      })
      attempt()
      return () => { here = false }
    }, [])
    return View ? <View {...props} /> : <>{meanwhile}</>
  }
  return Object.assign(Later, { start: () => void start() })
}
