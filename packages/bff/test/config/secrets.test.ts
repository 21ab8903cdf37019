import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pinoRedaction } from '@rekey/redact'
import { readEnvironment } from '@rekey/service'
import { pino } from 'pino'
import { z } from 'zod'
import { secretsNow, secretsOf, secretVariables } from '../../src/config/secrets.ts'
import { BffError } from '../../src/error.ts'

const salt = 'the salt of all tokens'
const read = (env: Record<string, string>) => secretsOf(readEnvironment(z.object(secretVariables), env))
const withSalt = (env: Record<string, string>) => read({ TOKEN_HASH_SALT: salt, ...env })

function logged(message: string): string {
  const lines: string[] = []
  pino(pinoRedaction(), { write: (line: string) => lines.push(line) }).error(message)
  return lines.join('')
}

/** The refusal; none of the secrets stands in it. */
function refusalOf(env: Record<string, string>, ...secrets: string[]): string {
  try {
    read(env)
  } catch (error) {
    assert.ok(error instanceof BffError)
    assert.equal(error.code, 'CONFIG_INVALID')
    for (const secret of secrets) assert.ok(!error.message.includes(secret), 'the secret stands in the message')
    return error.message
  }
  return assert.fail('it was not refused')
}

describe('secrets that are given', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-bff-secrets-'))
  })
  after(() => rm(folder, { recursive: true }))
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }

  it('are a list with the newest first', () => {
    const given = withSalt({ CSRF_SECRET_KEY: 'the new csrf secret, the old csrf secret' })
    assert.deepEqual(secretsNow(given.csrf ?? assert.fail()), ['the new csrf secret', 'the old csrf secret'])
    assert.deepEqual(secretsNow(given['token-hash'] ?? assert.fail()), [salt])
    assert.equal(given.csrf?.name, 'CSRF_SECRET_KEY')
  })

  it('are read from a file, one a line or with commas, however that is said', async () => {
    const path = await file('state', 'the new state secret\nthe old state secret,the oldest state secret\n')
    const wanted = ['the new state secret', 'the old state secret', 'the oldest state secret']
    for (const env of [{ STATE_TOKEN_KEY: `file:${path}` }, { STATE_TOKEN_KEY_FILE: path }]) {
      const source = withSalt(env as unknown as Record<string, string>).state ?? assert.fail()
      assert.ok(source.isFile)
      assert.deepEqual(secretsNow(source), wanted)
    }
  })

  it('belong to the keyring of their variable', () => {
    const [ua, csrf, state, session] = ['ua', 'csrf', 'state', 'session'].map((of) => `a secret for keyring ${of}`)
    const given = withSalt({
      UA_HASH_SALT: ua ?? '',
      CSRF_SECRET_KEY: csrf ?? '',
      STATE_TOKEN_KEY: state ?? '',
      REKEY_OIDC_BFF_SECRET: session ?? '',
    })
    const found = Object.fromEntries(Object.entries(given).map(([name, source]) => [name, secretsNow(source)[0]]))
    assert.deepEqual(found, { 'token-hash': salt, 'ua-hash': ua, csrf, state, session })
  })

  it('have an old name for the session, which is not read beside the new one', () => {
    const secret = 'a secret for sessions'
    assert.deepEqual(secretsNow(withSalt({ FLUXLIT_OIDC_BFF_SECRET: secret }).session ?? assert.fail()), [secret])
    const both = { TOKEN_HASH_SALT: salt, FLUXLIT_OIDC_BFF_SECRET: secret, REKEY_OIDC_BFF_SECRET: secret }
    assert.match(refusalOf(both, secret), /REKEY_OIDC_BFF_SECRET and FLUXLIT_OIDC_BFF_SECRET/)
  })

  it('are made and kept in the store where that is asked for, and where nothing is said', () => {
    assert.deepEqual(Object.keys(read({ TOKEN_HASH_SALT: 'keyring:', CSRF_SECRET_KEY: 'keyring:' })), [])
    assert.deepEqual(Object.keys(withSalt({ UA_HASH_SALT: '' })), ['token-hash'])
  })

  it('are refused without a salt of tokens, and the refusal says why and what to do', () => {
    for (const env of [{}, { TOKEN_HASH_SALT: '' }, { TOKEN_HASH_SALT: '  ' }]) {
      const message = refusalOf(env as Record<string, string>)
      for (const part of [/^TOKEN_HASH_SALT is missing/, /sessions/, /openssl/, /_FILE/, /keyring:/]) {
        assert.match(message, part)
      }
      assert.ok(logged(message).includes(JSON.stringify(message)), 'the log hides a part of it')
    }
  })

  it('are refused when both a value and a file are given', async () => {
    const path = await file('both', 'a secret of the file')
    const value = 'a secret of the value'
    assert.match(refusalOf({ TOKEN_HASH_SALT: value, TOKEN_HASH_SALT_FILE: path }, value), /TOKEN_HASH_SALT/)
  })

  it('are refused when they are short, many, or a list of what is none', async () => {
    const short = 'fifteen letters'
    const long = 'sixteen letters!'
    assert.ok(withSalt({ CSRF_SECRET_KEY: long }).csrf)
    const wrong = [short, `${long},${short}`, `${long},,${long}2`, `${long},keyring:`, `${long},file:/run/secrets/csrf`]
    const many = Array.from({ length: 9 }, (_, index) => `${long}${index}`).join(',')
    for (const value of [...wrong, many, 'keyring', 'file:', `file:${join(folder, 'none')}`]) {
      assert.match(refusalOf({ TOKEN_HASH_SALT: salt, CSRF_SECRET_KEY: value }, short, long), /CSRF_SECRET_KEY/)
    }
    const path = await file('short', short)
    assert.match(refusalOf({ TOKEN_HASH_SALT: salt, CSRF_SECRET_KEY_FILE: path }, short), /CSRF_SECRET_KEY_FILE/)
  })

  it('do not show when the configuration is printed', () => {
    assert.ok(!JSON.stringify(withSalt({})).includes(salt))
  })
})
