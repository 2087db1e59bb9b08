export const nasty: readonly string[]
