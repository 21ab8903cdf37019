import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BreakGlassError } from '../../src/error.ts'
import { instancesOf } from '../../src/instances/addresses.ts'
import { readTargets } from '../../src/instances/targets.ts'

describe('what an operator names as APIs', () => {
  it('is one or several addresses a line, each with what stands beside it', () => {
    const text = `
      # orders
      https://orders.internal/            # in the first hall
      http://a.internal:8080,http://b.internal/v1 library=jose@6.2 path=/me?full=1
      dns:https://api.internal,https://single.internal
    `
    assert.deepEqual(readTargets(text), [
      { url: 'https://orders.internal', everyAddress: false, path: '/hello' },
      { url: 'http://a.internal:8080', everyAddress: false, library: 'jose@6.2', path: '/me?full=1' },
      { url: 'http://b.internal/v1', everyAddress: false, library: 'jose@6.2', path: '/me?full=1' },
      { url: 'https://api.internal', everyAddress: true, path: '/hello' },
      { url: 'https://single.internal', everyAddress: false, path: '/hello' },
    ])
    assert.deepEqual(readTargets('\n# nothing\n'), [])
  })

  it('ends what is said of one where a comma begins the next, and of the last one where the line ends', () => {
    const of = (text: string) => readTargets(text).map(({ url, library, path }) => [url, library, path])
    const two = [
      ['https://a.internal', undefined, '/me'],
      ['https://b.internal', 'jose', '/hello'],
    ]
    assert.deepEqual(of('https://a.internal path=/me,https://b.internal library=jose'), two)
    assert.deepEqual(of('https://a.internal path=/me, https://b.internal library=jose,'), two)
    assert.deepEqual(of('https://a.internal path=/me,you'), [['https://a.internal', undefined, '/me,you']])
  })

  for (const [what, line, message] of [
    ['no address', 'library=jose', 'no address'],
    ['something else', 'orders.internal', 'url is malformed (Invalid URL)'],
    ['another scheme', 'ftp://orders.internal', 'url is malformed (Invalid URL)'],
    ['an unknown option', 'https://orders.internal libary=jose', 'libary= is unknown: there are library= and path='],
    ['an option before a comma', 'path=/me,https://orders.internal', 'no address'],
    ['a path that is none', 'https://orders.internal path=me', 'path is malformed (a path)'],
    ['credentials', 'https://admin:hush@orders.internal', 'url is malformed (no name and password)'],
    [
      'credentials behind three slashes',
      'https:///admin:hush@orders.internal',
      'url is malformed (no name and password)',
    ],
    ['credentials behind one slash', 'https:/admin:hush@orders.internal', 'url is malformed (Invalid URL)'],
    ['a query', 'https://orders.internal?hush', 'the address has a query or a fragment: give it with path='],
  ] as const) {
    it(`is refused with ${what}, by the number of its line and without what stands there`, () => {
      assert.throws(
        () => readTargets(`https://good.internal\n${line}`),
        (error: unknown) => {
          assert.ok(error instanceof BreakGlassError)
          assert.deepEqual([error.code, error.message], ['PLAN_INVALID', `APIs, line 2: ${message}`])
          assert.deepEqual(error.facts, { path: 'apis', line: 2 })
          return true
        },
      )
    })
  }
})

describe('the instances of APIs', () => {
  const target = { url: 'http://127.0.0.1:1', path: '/hello', everyAddress: false }

  it('are each named once, and an address needs no lookup', async () => {
    const lookup = () => assert.fail('nothing is to be looked up')
    const all = [target, target, { ...target, everyAddress: true }, { ...target, path: '/me', library: 'jose' }]
    assert.deepEqual(await instancesOf(all, lookup), [
      { url: target.url, path: '/hello' },
      { url: target.url, path: '/me', library: 'jose' },
    ])
  })

  it('are looked up as the system does it', async () => {
    const [local] = await instancesOf([{ ...target, url: 'http://localhost:1', everyAddress: true }])
    assert.ok(local?.address === '127.0.0.1' || local?.address === '::1')
  })
})
