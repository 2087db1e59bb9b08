import { describe, expect, it } from 'vitest'
import { openStore, readJSON } from './storage.ts'

class FakeStorage implements Storage {
  [name: string]: unknown
  private readonly map = new Map<string, string>()
  room = Infinity
  get length() { return this.map.size }
  clear() { this.map.clear() }
  getItem(key: string) { return this.map.get(key) ?? null }
  key(i: number) { return [...this.map.keys()][i] ?? null }
  removeItem(key: string) { this.map.delete(key) }
  setItem(key: string, value: string) {
    if (value.length > this.room) throw new Error('QuotaExceededError')
    this.map.set(key, value)
  }
}

describe('a store', () => {
  it('keeps, lists and forgets', () => {
    const backing = new FakeStorage()
    backing.setItem('other.x', '1')
    const store = openStore(() => backing)
    expect(store.lasting).toBe(true)
    store.set('out.b', '2')
    store.set('out.a', '1')
    expect(store.keys('out.')).toEqual(['out.a', 'out.b'])
    expect(openStore(() => backing).get('out.a')).toBe('1')
    store.remove('out.a')
    expect(store.get('out.a')).toBeUndefined()
  })
  it('works from memory where storage throws', () => {
    const store = openStore(() => { throw new Error('SecurityError') })
    expect([store, openStore(() => null)].map(({ lasting }) => lasting)).toEqual([false, false])
    expect(store.set('name', 'Maria')).toBe(false)
    expect(store.get('name')).toBe('Maria')
    expect(store.keys('na')).toEqual(['name'])
  })
  it('keeps in memory what a full storage refuses', () => {
    const backing = new FakeStorage()
    const store = openStore(() => backing)
    backing.room = 3
    store.set('draft', 'old')
    expect(store.set('draft', 'a long one')).toBe(false)
    expect(store.get('draft')).toBe('a long one')
  })
  it('tells once that the storage is full', () => {
    const backing = new FakeStorage()
    const store = openStore(() => backing)
    let told = 0
    store.full = () => told++
    backing.room = 3
    store.set('draft', 'short')
    expect(told).toBe(1)
    store.set('draft', 'again')
    expect(told).toBe(1)
  })
  it('reads what a full storage has', () => {
    const backing = new FakeStorage()
    openStore(() => backing).set('token', 'mine')
    backing.room = 0
    const store = openStore(() => backing)
    expect(store.lasting).toBe(true)
    expect(store.get('token')).toBe('mine')
    backing.clear() // one that never keeps anything
    expect(openStore(() => backing).lasting).toBe(false)
  })
  it('reads JSON only of the right shape', () => {
    const store = openStore(() => undefined)
    const isNumber = (v: unknown): v is number => typeof v === 'number'
    store.set('a', '1')
    store.set('b', '"x"')
    store.set('c', '{')
    expect(['a', 'b', 'c', 'd'].map(k => readJSON(store, k, isNumber, 7))).toEqual([1, 7, 7, 7])
  })
})
