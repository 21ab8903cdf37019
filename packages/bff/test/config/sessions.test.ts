import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readEnvironment } from '@rekey/service'
import { z } from 'zod'
import { sessionsOf, sessionVariables } from '../../src/config/sessions.ts'

const read = (env: Record<string, string>) => sessionsOf(readEnvironment(z.object(sessionVariables), env))

describe('settings of sessions', () => {
  it('have defaults', () => {
    assert.deepEqual(read({}), {
      lifetimeMs: 28_800_000,
      refreshAheadMs: 300_000,
      loginTtlMs: 600_000,
      binding: ['network', 'user-agent'],
      linkTtlMs: 900_000,
    })
  })

  it('are written as seconds or as durations', () => {
    assert.equal(read({ SESSION_LIFETIME: '3600' }).lifetimeMs, 3_600_000)
    assert.equal(read({ SESSION_LIFETIME: '12h' }).lifetimeMs, 43_200_000)
    assert.equal(read({ REKEY_SESSION_REFRESH_AHEAD: '60' }).refreshAheadMs, 60_000)
  })

  it('say what a session is bound to', () => {
    assert.deepEqual(read({ REKEY_SESSION_BINDING: 'none' }).binding, [])
    assert.deepEqual(read({ REKEY_SESSION_BINDING: 'user-agent' }).binding, ['user-agent'])
    assert.deepEqual(read({ REKEY_SESSION_BINDING: 'user-agent, network' }).binding, ['network', 'user-agent'])
  })

  it('are refused by name where they make no sense', () => {
    const wrong: [string, string][] = [
      ['SESSION_LIFETIME', '59s'],
      ['SESSION_LIFETIME', '366d'],
      ['SESSION_LIFETIME', 'long'],
      ['REKEY_SESSION_BINDING', 'nothing'],
      ['REKEY_SESSION_BINDING', 'network,none'],
      ['REKEY_LOGIN_TTL', '0s'],
      ['REKEY_LINK_TTL', '8d'],
    ]
    for (const [name, value] of wrong) {
      assert.throws(() => read({ [name]: value }), { code: 'CONFIG_INVALID', message: new RegExp(name) }, value)
    }
  })
})
