import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hashPassword, isPassword, isWeak, nobodysPassword } from '../../../src/accounts/password/hash.ts'

const cheap = { memory: 64, passes: 1, parallelism: 1 }

describe('a password as it is stored', () => {
  test('is Argon2id at no less cost than OWASP asks for, with a salt of its own', async () => {
    const [one, other] = await Promise.all([hashPassword('same'), hashPassword('same')])
    assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    assert.notEqual(one, other)
    assert.deepEqual([await isPassword('same', one), await isPassword('Same', one)], [true, false])
    assert.equal(isWeak(one), false)
  })

  test('is read as other programs write it', async () => {
    // By the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24
    const reference = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
    assert.equal(await isPassword('password', reference), true)
    assert.equal(await isPassword('passwore', reference), false)
  })

  test('is weak where it cost less than a new one', async () => {
    const weak = await hashPassword('x', cheap)
    assert.equal(isWeak(weak), true)
    assert.equal(await isPassword('x', weak), true)
    assert.equal(isWeak(weak.replace('m=64', 'm=65536')), true)
  })

  test('of nobody is no password, and as costly as any', async () => {
    const cost = (stored: string) => stored.split('$').map((part) => (part.includes('=') ? part : part.length))
    assert.deepEqual(cost(nobodysPassword), cost(await hashPassword('some password')))
    assert.equal(await isPassword('', nobodysPassword), false)
  })

  test('that is malformed lets nobody in', async () => {
    for (const stored of ['', 'password', '$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHQ', '$2b$10$abc']) {
      await assert.rejects(isPassword('password', stored), /malformed/)
    }
  })
})
