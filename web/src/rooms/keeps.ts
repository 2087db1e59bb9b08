/** How long a room may keep its messages, and what that is called. The first is the server's own choice. */
export const keeps = [
  ['', 'as usual here'],
  ['empty', 'until everybody has gone'],
  ['1d', 'one day'],
  ['7d', 'one week'],
  ['30d', '30 days'],
  ['365d', 'one year'],
  ['forever', 'for ever'],
] as const
