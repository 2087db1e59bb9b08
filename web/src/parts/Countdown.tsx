import { useEffect, useState } from 'preact/hooks'
import { spanOf } from '../log/time.ts'

/** How long it is until a moment (ms), ticking; `over` is told when it has come. */
export function Countdown({ until, over }: { until: number; over?: () => void }) {
  const [now, setNow] = useState(Date.now)
  const left = Math.max(0, Math.round((until - now) / 1000))
  useEffect(() => {
    const rest = until - Date.now()
    if (rest <= 0) return over?.()
    // On the second, and no later than the end.
    const timer = setTimeout(() => setNow(Date.now()), rest % 1000 || 1000)
    return () => clearTimeout(timer)
  }, [until, now])
  return <span class="countdown">{left >= 3600 ? spanOf(left) : `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`}</span>
}
