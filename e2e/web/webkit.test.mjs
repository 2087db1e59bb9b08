// The behaviours in WebKit, as far as its driver can show them: `make
// test-webkit`. The numbers are those of the browser tests beside this file.
// Where it must be another browser, a dark one or one that may keep nothing,
// the test opens its own.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nasty } from './nasty.mjs'
import { openWebKit, until } from './webdriver.mjs'
import { desk, guest, isIn, maria, messages, net, numbered, problems, server, shows, start, still } from './webkit.mjs'

const field = '.composer textarea'

describe('in WebKit', { timeout: 180_000 }, () => {
  test('57 link, name, in: two actions; then talking', async () => {
    const code = await start(maria, 'Sunday walk')
    await shows(maria, '.empty h2', ['It is quiet in here.'])
    await until('58 the QR code', () => maria.run(() => document.querySelector('.qr').naturalWidth > 0))
    await maria.run(() => localStorage.clear())
    await maria.goto(`${net.url}/r/${code.toLowerCase()}`)
    await until('the field for the name', () => maria.run(() => document.activeElement.name === 'name'))
    await maria.keyboard('Tom')
    await maria.press('enter')
    await isIn(maria)
    assert.equal(await maria.run(() => location.href), `${net.url}/r/${code}`)
    await maria.keyboard('hello from WebKit')
    await maria.press('enter')
    await messages(maria, ['hello from WebKit'])
  })

  test('1 Enter sends, Shift+Enter is a new line; 2 nothing goes while an input method composes', async () => {
    await start(maria)
    await maria.keyboard('one')
    await maria.press('shift', 'enter')
    await maria.keyboard('two')
    // Safari ends composing before its Enter comes: only the key code tells.
    for (const sign of [{ isComposing: true }, { keyCode: 229 }]) {
      await maria.run((css, sign) => document.querySelector(css).dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...sign })), field, sign)
    }
    assert.equal(await maria.count('.message'), 0)
    await maria.press('enter')
    await messages(maria, ['one\ntwo'])
  })

  test('3 my message shows within 50 ms as pending; 4 the ack turns it into sent in place; 10 a refusal says why', async () => {
    await start(maria)
    net.hole()
    const took = []
    for (let i = 1; i <= 3; i++) {
      await maria.keyboard(`late ${i}`)
      took.push(await maria.runAsync((css, i) => new Promise(shown => {
        const begun = performance.now()
        const look = () => { if (document.querySelectorAll('.message[data-state=pending]').length === i) shown(performance.now() - begun) }
        new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true })
        document.querySelector(css).dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }))
        look()
      }), field, i))
    }
    assert.ok(Math.min(...took) <= 50, `${took} ms`)
    await maria.run(() => { window.row = document.querySelector('.message'); window.top0 = window.row.getBoundingClientRect().top })
    net.pass()
    await until('sent', () => maria.run(() => document.querySelectorAll('.message[data-state=sent]').length === 3))
    assert.deepEqual(await maria.run(() => [window.row.isConnected, window.row.dataset.state, Math.abs(window.row.getBoundingClientRect().top - window.top0) <= 1]), [true, 'sent', true])

    await maria.run(css => {
      const text = document.querySelector(css)
      text.value = 'not\u0000 this'
      text.dispatchEvent(new Event('input', { bubbles: true }))
    }, field)
    await maria.press('enter')
    await until('the reason', () => maria.run(() => /^Not sent: ./.test(document.querySelector('.not-sent[role=alert] span')?.innerText)))
  })

  test('7 the page gone while pending: sent when it is back, once; 40 the draft and the seat are there', async () => {
    const code = await start(maria)
    const tom = await guest('Tom', code)
    net.refuse()
    await maria.keyboard('kept')
    await maria.press('enter')
    await until('pending', () => maria.run(() => document.querySelector('.message')?.dataset.state === 'pending'))
    await maria.keyboard('a draft')
    await until('13 the banner', () => maria.run(() => document.querySelector('.banner') !== null), 4000)
    await maria.goto('about:blank')
    net.pass()
    await maria.goto(`${net.url}/r/${code}`)
    await until('sent', () => maria.run(() => document.querySelector('.message')?.dataset.state === 'sent'))
    assert.equal(await maria.run(css => document.querySelector(css).value, field), 'a draft')
    await shows(maria, '.member-name', ['Maria', 'Tom'])
    await maria.reload()
    await messages(maria, ['kept'])
    assert.deepEqual(tom.heard, ['kept'])
  })

  test('17 kill -9 and a new start: resumed, what was written meanwhile goes, once', async () => {
    const code = await start(maria)
    await maria.keyboard('before')
    await maria.press('enter')
    await until('sent', () => maria.run(() => document.querySelector('.message')?.dataset.state === 'sent'))
    await server.kill()
    await maria.keyboard('meanwhile')
    await maria.press('enter')
    await until('pending', () => maria.run(() => document.querySelectorAll('.message')[1]?.dataset.state === 'pending'))
    await server.start()
    net.retarget(server.port)
    await until('sent', () => maria.run(() => document.querySelectorAll('.message[data-state=sent]').length === 2), 15_000)
    await until('the banner gone', () => maria.run(() => document.querySelector('.banner') === null))
    const tom = await guest('Tom', code)
    const { entries } = await tom.ask('history', {})
    assert.deepEqual(entries.map(({ text }) => text), ['before', 'meanwhile'])
    await messages(maria, ['before', 'meanwhile'])
  })

  test('24, 25 others come, type and go, and are seen to; 27 many fold into one line', async () => {
    const code = await start(maria)
    const tom = await guest('Tom', code)
    await shows(maria, '.member-name', ['Maria', 'Tom'])
    tom.socket.emit('typing', { room: code })
    await shows(maria, '.typing', ['Tom is writing…'])
    await tom.say('28 sent')
    await shows(maria, '.typing', [''])
    for (const name of ['Ana', 'Ben', 'Cleo', 'Dan']) await guest(name, code)
    await shows(maria, '.row.note:not(.beginning)', ['Tom joined', 'Ana, Ben and 2 others joined'])
    await tom.ask('leave', {})
    await until('Tom gone', async () => !(await maria.texts('.member-name')).includes('Tom'))
    await maria.run(() => document.querySelector('.home').click())
    await maria.find('.recent-room')
  })

  test('29 at the end it sticks; 30 elsewhere the talk stands still: WebKit anchors nothing by itself; 33 older pages come', async () => {
    const code = await start(maria)
    const tom = await guest('Tom', code)
    await tom.say(...numbered(200))
    const rest = () => maria.run(() => { const log = document.querySelector('.log'); return log.scrollHeight - log.clientHeight - log.scrollTop })
    await maria.reload()
    await until('the newest', async () => (await maria.texts('.message .text')).at(-1) === 'line 200')
    await until('at the end', async () => (await rest()) <= 1)
    await tom.say('sticks')
    await until('at the end', async () => (await maria.texts('.message .text')).at(-1) === 'sticks' && (await rest()) <= 1)
    await maria.resize(1200, 600)
    await until('at the end of a lower window', async () => (await rest()) <= 1)
    await maria.resize(...desk)
    await until('at the end of a higher window', async () => (await rest()) <= 1)

    const frames = () => maria.frames()
    await maria.run(() => { document.querySelector('.log').scrollTop -= 500 })
    await frames()
    await still(maria, 'news', async () => {
      await tom.say('news 1', 'news 2')
      await shows(maria, '.to-end', ['2 new'])
    })
    await still(maria, 'growing above', async () => {
      await maria.run(() => { document.querySelector('.message').style.minHeight = '300px' })
      await frames()
    })
    const first = () => maria.run(() => Number(document.querySelector('.message').dataset.seq))
    const was = await first()
    await maria.run(() => { document.querySelector('.log').scrollTop = 300 })
    await still(maria, 'older talk', () => until('older talk', async () => (await first()) < was))
    for (let i = 0; i < 20 && await first() > 1; i++) {
      await maria.run(() => { document.querySelector('.log').scrollTop = 0 })
      await frames()
    }
    await until('the beginning', async () => (await first()) === 1 && (await maria.count('.beginning')) === 1)
    await maria.click('.to-end')
    await until('at the end', async () => (await maria.texts('.message .text')).at(-1) === 'news 2' && (await rest()) <= 1)
  })

  test('47 texts and names that want to be code stay inert', async () => {
    const code = await start(maria, '<img src=x onerror=window.hacked=1>')
    const eve = await guest('<b onclick=alert(1)>Eve</b>', code)
    await eve.say(...nasty, 'https://snug.example@evil.example/login')
    await until('all of them', async () => (await maria.count('.message')) === nasty.length + 1)
    assert.equal(await maria.count('.log :is(script, img, iframe, svg[onload], style, b)'), 0)
    for (const [protocol, rel, attributes] of await maria.run(() => [...document.querySelectorAll('.text a')].map(link => [new URL(link.href).protocol, link.rel, link.getAttributeNames().join(' ')]))) {
      assert.equal(protocol, 'https:')
      assert.match(rel, /noopener/)
      assert.doesNotMatch(attributes, /\bon/)
    }
    assert.equal((await maria.texts('.text .host')).at(-1), '(evil.example)')
    assert.equal((await maria.texts('.message .name'))[0], '<b onclick=alert(1)>Eve</b>')
    assert.equal(await maria.run(() => window.hacked === undefined), true)
  })

  test('41 ↑ edits, Esc restores; 42 @ completes; 43 :smi too; 52 by keyboard: other rooms, the list of keys', async () => {
    const code = await start(maria)
    await guest('Tom Baker', code)
    const value = () => maria.run(css => document.querySelector(css).value, field)
    await maria.keyboard('hi @to')
    await shows(maria, '[role=option]', ['Tom Baker'])
    await maria.press('enter')
    await until('the name', async () => (await value()) === 'hi @Tom Baker ')
    await maria.keyboard(':smi')
    await maria.find('[role=option]')
    await maria.press('tab')
    await until('the emoji', async () => (await value()) === 'hi @Tom Baker 😄 ')
    await maria.press('enter')
    await until('sent', () => maria.run(() => document.querySelector('.message')?.dataset.state === 'sent'))
    await maria.press('up')
    await until('editing', async () => (await value()) === 'hi @Tom Baker 😄')
    await maria.press('escape')
    await until('the draft', async () => (await value()) === '')

    await maria.press('control', 'k')
    await until('the field for the room', () => maria.run(() => document.activeElement.getAttribute('role') === 'combobox'))
    await maria.press('escape')
    // Once it is closed the focus goes back to where it was.
    await until('closed', () => maria.run(() => document.querySelector('dialog[open]') === null && document.activeElement.localName === 'textarea'))
    await maria.run(() => document.querySelector('.log').focus())
    await maria.press('shift', '?')
    await until('the list of keys', async () => /Keys and commands/.test((await maria.texts('dialog[open]')).join()))
    await maria.press('escape')
  })

  test('48 the title counts and 51 a message is said once, while another room is before the reader', async () => {
    const code = await start(maria, 'First')
    const tom = await guest('Tom', code)
    await maria.run(() => {
      window.said = []
      const region = document.querySelector('[data-said]')
      new MutationObserver(() => window.said.push(region.textContent)).observe(region, { subtree: true, childList: true, characterData: true })
    })
    await tom.say('hello')
    await messages(maria, ['hello'])
    assert.deepEqual(await maria.run(() => window.said), ['Tom: hello'])
    await maria.click('.rooms .button.wide')
    await maria.click('.start-form button[type=submit]')
    await isIn(maria)
    await tom.say('a', 'b', 'c')
    await until('the title', () => maria.run(() => document.title.startsWith('(3) ')))
    await until('the icon', () => maria.run(() => document.querySelector('#favicon').href.endsWith('/favicon-dot.svg')))
    await maria.click(`.room-item[href$="${code}"]`)
    await until('the title', () => maria.run(() => document.title === 'First'))
  })

  test('54 on a phone the input and the header stay, people and rooms are drawers; 53 and 12 nothing sticks out', async () => {
    const code = await start(maria, 'A rather long title for such a narrow window, is it not')
    const tom = await guest('Tom', code)
    await maria.resize(360, 640)
    await tom.say(...numbered(30), 'https://example.com/' + 'a-very-long-path/'.repeat(20), '```\n' + 'code '.repeat(60) + '\n```')
    await until('the last', async () => (await maria.count('.message')) === 32)
    const [width, height] = await maria.run(() => [innerWidth, innerHeight])
    assert.ok(width < 500, `the window is ${width} px wide`)
    const at = css => maria.run(css => { const { top, bottom, left, right } = document.querySelector(css).getBoundingClientRect(); return { top, bottom, left, right } }, css)
    const inside = async css => {
      const box = await at(css)
      assert.ok(box.top >= 0 && box.bottom <= height && box.left >= 0 && box.right <= width, `${css}: ${JSON.stringify(box)} in ${width} × ${height}`)
    }
    for (const css of ['.room-head', '.composer-box', '.send', '.open-people']) await inside(css)
    assert.deepEqual(await maria.run(() => [document.scrollingElement, document.querySelector('.log')].map(box => box.scrollWidth - box.clientWidth)), [0, 0])
    assert.ok(await maria.run(css => parseFloat(getComputedStyle(document.querySelector(css)).fontSize) >= 16, field))
    for (const side of ['people', 'rooms']) {
      await maria.click(`.open-${side}`)
      await until(`${side} in`, () => maria.run(css => { const box = document.querySelector(css).getBoundingClientRect(); return getComputedStyle(document.querySelector(css)).visibility === 'visible' && box.left >= 0 && box.right <= innerWidth }, `.side-${side}`))
      await maria.press('escape')
      await until(`${side} out`, () => maria.run(css => getComputedStyle(document.querySelector(css)).visibility === 'hidden', `.side-${side}`))
    }
    await maria.resize(...desk)
  })

  test('22 the theme changes by a word; 53 axe finds nothing serious in a room, in the light', async () => {
    const code = await start(maria, 'Walk')
    const ground = () => maria.run(() => getComputedStyle(document.body.parentElement).backgroundColor)
    const light = await ground()
    await maria.keyboard('/theme dark')
    await maria.press('enter')
    await until('dark', async () => (await ground()) !== light)
    await maria.keyboard('/theme auto')
    await maria.press('enter')
    await until('light', async () => (await ground()) === light)
    const tom = await guest('Tom', code)
    await tom.say('hello', 'مرحبا', 'a **bold** `word` and https://example.com/')
    await until('all of them', async () => (await maria.count('.message')) === 3)
    assert.deepEqual(await maria.run(() => [...document.querySelectorAll('.message .text')].map(text => getComputedStyle(text).direction)), ['ltr', 'rtl', 'ltr'], '55')
    assert.deepEqual(await problems(maria), [])
  })

  test('53 axe finds nothing serious at the door and in a room, in the dark', async () => {
    const dark = await openWebKit({ dark: true })
    try {
      await dark.goto(net.url)
      await dark.find('input[name=name]')
      assert.equal(await dark.run(() => matchMedia('(prefers-color-scheme: dark)').matches), true)
      assert.deepEqual(await problems(dark), [])
      const code = await start(dark, 'Walk')
      const tom = await guest('Tom', code)
      await tom.say('hello', 'a **bold** `word` and https://example.com/')
      await until('both', async () => (await dark.count('.message')) === 2)
      assert.deepEqual(await problems(dark), [])
    } finally {
      await dark.close()
    }
  })

  test('56 with storage blocked it still works, and says so', async () => {
    const strict = await openWebKit({ storage: false })
    try {
      await strict.resize(...desk)
      await strict.goto(net.url)
      await until('it says so', async () => (await strict.texts('.notice')).some(text => text.includes('keeps nothing here')))
      const code = await start(strict)
      const tom = await guest('Tom', code)
      await strict.keyboard('from memory')
      await strict.press('enter')
      await until('heard', () => tom.heard.includes('from memory'))
      net.cut()
      await strict.keyboard('still the same person')
      await strict.press('enter')
      await until('heard', () => tom.heard.includes('still the same person'))
      await shows(strict, '.member-name', ['Maria', 'Tom'])
    } finally {
      await strict.close()
    }
  })
})
