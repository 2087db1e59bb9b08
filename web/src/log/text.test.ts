import { describe, expect, it } from 'vitest'
import { parse, plain } from './text.ts'

const link = (href: string, text = href, host?: string) => ({ kind: 'link', href, text, host })

describe('links', () => {
  it('become nodes', () => {
    expect(parse('see https://example.com/a?b=c#d now')).toEqual(['see ', link('https://example.com/a?b=c#d'), ' now'])
  })
  it('leave the sentence its punctuation', () => {
    expect(parse('(https://example.com/a).')).toEqual(['(', link('https://example.com/a'), ').'])
    expect(parse('https://example.com/a_(b), ok')).toEqual([link('https://example.com/a_(b)'), ', ok'])
  })
  it('show where they lead when they read otherwise', () => {
    expect(parse('https://google.com@evil.example/x')).toEqual([link('https://google.com@evil.example/x', 'https://google.com@evil.example/x', 'evil.example')])
    expect(parse('https://gооgle.com/')[0]).toMatchObject({ host: 'xn--ggle-55da.com' })
    expect(parse('HTTPS://Example.com/')[0]).toMatchObject({ host: undefined })
  })
  it.each(['javascript:alert(1)', 'data:text/html,x', 'vbscript:x', 'https://', 'http:///', 'file:///etc/passwd', 'JaVaScRiPt:alert(1)'])('%s is none', text => {
    expect(parse(text).every(node => typeof node === 'string')).toBe(true)
  })
  it('keep marks that are theirs', () => {
    expect(parse('https://example.com/_a_b_ x')).toEqual([link('https://example.com/_a_b', 'https://example.com/_a_b'), '_ x'])
  })
})

describe('marks', () => {
  it('format', () => {
    expect(parse('a **b** _c_ `d` ~~e~~')).toEqual([
      'a ', { kind: 'strong', nodes: ['b'] }, ' ', { kind: 'em', nodes: ['c'] }, ' ', { kind: 'code', text: 'd' }, ' ', { kind: 'del', nodes: ['e'] },
    ])
  })
  it('nest', () => {
    expect(parse('**a _b_**')).toEqual([{ kind: 'strong', nodes: ['a ', { kind: 'em', nodes: ['b'] }] }])
  })
  it('do not break ordinary text', () => {
    for (const text of ['2*3*4', 'snake_case_name', 'a * b * c', '**', '5 < 6 > 4', '<b>x</b>', '&amp;', '_ _', 'C:\\x_y_z']) expect(parse(text)).toEqual([text])
  })
  it('stay out of code', () => {
    expect(parse('`**x**` and `<script>`')).toEqual([{ kind: 'code', text: '**x**' }, ' and ', { kind: 'code', text: '<script>' }])
  })
  it('make blocks', () => {
    expect(parse('look:\n```go\nfunc x() {\n\t*p = 1\n}\n```\nthere')).toEqual(['look:', { kind: 'block', text: 'func x() {\n\t*p = 1\n}' }, 'there'])
  })
})

it.each([
  ['Here is how I find it:\n```\ncd walks\n./find --river\n```\nthere', 'Here is how I find it:\ncd walks\n./find --river\nthere'],
  ['a **b _c_** `d` ~~e~~ https://example.com/', 'a b c d e https://example.com/'],
  ['/me packs a `compass`', 'packs a compass'],
  ['<b>x</b> & 2*3*4', '<b>x</b> & 2*3*4'],
])('of %j a quote says %j', (text, said) => {
  expect(plain(text)).toBe(said)
})

it('loses no character of text without marks', () => {
  const text = '\u202eabc\u0000 <img src=x onerror=alert(1)> "\'`'
  expect(parse(text)).toEqual([text])
})

// Backtracking without end would run into the runner's own time limit.
it('gets through what is made to hold it up', () => {
  for (const text of ['*'.repeat(4000), '_a '.repeat(1300), '`'.repeat(4000), '('.repeat(4000) + 'https://x.y/' + ')'.repeat(3000), '**a'.repeat(1300), '```'.repeat(1300)]) {
    expect(parse(text).length).toBeGreaterThan(0)
  }
})
