import type { icons } from './icons.ts'

// Our few icons, drawn on a grid of 24: here those of the first page; icons.ts brings the rest.
const first = {
  send: 'M5 12h13M12.5 6l6 6-6 6',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 3v1.5M12 19.5V21M4.2 4.2l1 1M18.8 18.8l1 1M3 12h1.5M19.5 12H21M4.2 19.8l1-1M18.8 5.2l1-1',
  moon: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z',
  auto: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16Zm0 0v16M12 8h5M12 12h7.5M12 16h5',
  bell: 'M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15L6 16ZM10 20.5a2.2 2.2 0 0 0 4 0',
  sound: 'M5 9.5v5h3l4.5 4v-13L8 9.5H5ZM16 9a4.5 4.5 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11',
  mute: 'M5 9.5v5h3l4.5 4v-13L8 9.5H5ZM16 9.5l5 5M21 9.5l-5 5',
  close: 'M6 6l12 12M18 6 6 18',
  keys: 'M3.5 6.5h17v11h-17zM7 10h.01M11 10h.01M15 10h.01M7.5 14h9',
} as const

export type IconName = keyof typeof first | keyof typeof icons

const paths: Partial<Record<IconName, string>> = { ...first }

/** Adds drawings to those there are. */
export function bring(more: Partial<Record<IconName, string>>): void {
  Object.assign(paths, more)
}

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  )
}

/** An arch with a lit door, which is a speech bubble, too. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <path class="mark-wall" d="M4 29V15a12 12 0 0 1 24 0v4.5a6.5 6.5 0 0 1-6.5 6.5H11.5a6 6 0 0 0-4.2 1.7L4 29Z" />
      <path class="mark-light" d="M12 20.5v-5a4 4 0 0 1 8 0v5Z" />
    </svg>
  )
}
