// The part of the window that the on-screen keyboard leaves. Where the browser
// shrinks the page for it (interactive-widget), this does nothing.

export function watchViewport(): void {
  const visible = window.visualViewport
  if (!visible) return
  const { style } = document.documentElement
  const fit = () => {
    // Zooming with two fingers shrinks the visible part, too; that is no keyboard.
    const covered = visible.scale === 1 && window.innerHeight - visible.height > 60
    if (covered) {
      style.setProperty('--visible', `${visible.height}px`)
      window.scrollTo(0, 0)
    } else {
      style.removeProperty('--visible')
    }
  }
  visible.addEventListener('resize', fit)
  fit()
}
