import '../theme/dialog.css'
import { useLayoutEffect, useRef } from 'preact/hooks'
import type { ComponentChildren } from 'preact'
import { Icon } from './Icon.tsx'

/** A dialog over the page. The browser keeps the focus in it, closes it on Esc and gives the focus back: it tells
 * so a moment later, but that it is about to ("cancel") at once. */
export function Dialog({ title, kind = '', close, children }: { title: string; kind?: string; close: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null)
  // At once, not after the next frame: what is typed until then would be lost.
  useLayoutEffect(() => {
    const back = document.activeElement
    const shown = dialog.current!
    shown.showModal()
    return () => {
      shown.close() // where it was not the browser that did: until then the page is inert
      if (!(back instanceof HTMLElement)) return
      // The browser has given the focus back while the page was still inert: a field would show it, and take no text.
      back.blur()
      back.focus()
    }
  }, [])
  return (
    <dialog ref={dialog} class={`dialog ${kind}`} aria-label={title} onCancel={close} onClose={close} onClick={event => { if (event.target === dialog.current) close() }}>
      <div class="dialog-box">
        <header class="dialog-head">
          <h2>{title}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={close}><Icon name="close" /></button>
        </header>
        {children}
      </div>
    </dialog>
  )
}
