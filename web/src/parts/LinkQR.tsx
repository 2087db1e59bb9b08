import { useEffect, useState } from 'preact/hooks'
import type { App } from '../app/app.ts'

/** A link with a secret in it, as a QR code. The server draws it, from the body of a POST: in the
 * address of a picture the secret would stand in logs and caches. */
export function LinkQR({ app, link, alt }: { app: App; link: string; alt: string }) {
  const [src, setSrc] = useState<string>()
  useEffect(() => {
    const away = new AbortController()
    let url: string | undefined
    fetch(new URL('api/v1/qr', app.base), { method: 'POST', body: link, cache: 'no-store', signal: away.signal })
      .then(answer => (answer.ok ? answer.blob() : undefined))
      .then(picture => {
        if (!picture || away.signal.aborted) return
        url = URL.createObjectURL(picture)
        setSrc(url)
      })
      .catch(() => {}) // the code is there to be typed
    return () => {
      away.abort()
      if (url !== undefined) URL.revokeObjectURL(url)
    }
  }, [link])
  return src === undefined ? null : <img class="qr" src={src} width={200} height={200} alt={alt} draggable={false} />
}
