import { expect, it } from 'vitest'
import { colorClass, initials } from './names.ts'

it.each([
  ['Maria', 'M'],
  ['maria silva', 'MS'],
  ['Ana-Maria de Souza', 'AS'],
  ['李小龙', '李'],
  ['山田 太郎', '山'],
  ['Ångström', 'Å'],
  ['e\u0301lan', 'É'],
  ['👩‍👩‍👧 family', '👩‍👩‍👧'],
  ['  ', '?'],
  ['...', '.'],
])('the initials of %j are %j', (name, shown) => {
  expect(initials(name).normalize()).toBe(shown.normalize())
})

it('keeps colours within the palette', () => {
  expect([0, 15, 16, -1, 1.5, NaN].map(colorClass)).toEqual(['hue-0', 'hue-15', 'hue-0', 'hue-0', 'hue-0', 'hue-0'])
})
