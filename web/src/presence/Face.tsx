import { colorClass, initials } from './names.ts'

/** A member's initials on their colour. The name stands beside it for those who read. */
export function Face({ name, color, lost = false }: { name: string; color: number; lost?: boolean }) {
  return <span class={`face ${colorClass(color)}${lost ? ' lost' : ''}`} aria-hidden="true">{initials(name)}</span>
}
