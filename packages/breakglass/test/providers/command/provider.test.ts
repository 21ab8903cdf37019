import assert from 'node:assert/strict'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { BreakGlassError } from '../../../src/error.ts'
import { type PlanInput, plan } from '../../../src/incident/plan.ts'
import { folderJournal } from '../../../src/journal/folder.ts'
import type { Command, CommandConfig } from '../../../src/providers/command/config.ts'
import { commandProvider } from '../../../src/providers/command/provider.ts'
import type { IdentityProvider } from '../../../src/providers/port.ts'
import { systemClock } from '../../clock.ts'
import { answering, configOf, emptyFolder, issuer, program, says } from './scripts.ts'

const incident = plan.parse({ incident: 'INC-1', kid: 'k1', reason: 'it was in a backup' } satisfies PlanInput)
const nobody = () => {}

interface Made {
  provider: IdentityProvider
  config: CommandConfig
  lines: string[]
}

async function made(
  test: TestContext,
  commands: Partial<CommandConfig['commands']> = {},
  env: Record<string, string> = {},
): Promise<Made> {
  const config = configOf(await emptyFolder(test), commands)
  const lines: string[] = []
  const provider = commandProvider(config, {
    journal: folderJournal(config.folder, { clock: systemClock, operator: 'ops@console' }),
    env: { PATH: process.env.PATH, ...env },
    signal: new AbortController().signal,
    clock: systemClock,
    operator: 'ops@console',
    onText: (line) => lines.push(line),
  })
  return { provider, config, lines }
}

const failed = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof BreakGlassError, String(error))
  assert.equal(error.code, 'COMMAND_FAILED')
  assert.match(error.message, message)
  return true
}

/** A token's form, whose signature nobody here looks at. */
function tokenOf(kid: string, claims: object = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part({ alg: 'ES256', kid })}.${part({ iss: issuer, jti: 'one', exp: 4_000_000_000, ...claims })}.${'c'.repeat(86)}`
}

describe('what a command answers', () => {
  for (const [what, command, message] of [
    ['nothing', program(''), /revoke answered nothing/],
    ['a sentence', program('console.log("the key is revoked")'), /revoke answered what is no JSON document/],
    ['two documents', program('console.log("{}\\n{}")'), /no JSON document/],
    ['a list', says([]), /the document: Invalid input: expected object/],
    ['half of what it must', says({ revoked: [{ kid: 'k1' }] }), /revoked\.0\.revokedAt: .*; keys: /],
    [
      'another key',
      says({ revoked: [{ kid: 'k9', revokedAt: '2026-11-21T10:00:00Z' }], keys: [] }),
      /did not say that/,
    ],
  ] as [string, Command, RegExp][]) {
    it(`is refused when it is ${what}`, async (t) => {
      const { provider } = await made(t, { revoke: command })
      await assert.rejects(provider.revoke(incident, nobody), failed(message))
    })
  }

  it('is never repeated in the message, for it may be a token', async (t) => {
    const { provider } = await made(t, { probe: program(`console.log(${JSON.stringify(tokenOf('k1'))})`) })
    const failure = await provider.probe(incident, 'compromised').catch((error) => error)
    assert.doesNotMatch(`${failure.message}${failure.cause}${JSON.stringify(failure.facts)}`, /eyJ/)
  })

  it('goes no further than what was asked for', async (t) => {
    const key = { kid: 'k2', algorithm: 'ES256', state: 'active', d: 'the private half' }
    const reply = { revoked: [{ kid: 'k1', revokedAt: '2026-11-21T11:00:00+01:00' }], keys: [key], token: 'x' }
    const { provider } = await made(t, { revoke: says(reply) })
    assert.deepEqual(await provider.revoke(incident, nobody), {
      revoked: [{ keyring: 'signing', kid: 'k1', revokedAt: '2026-11-21T10:00:00.000Z' }],
      keys: [{ kid: 'k2', keyring: 'signing', algorithm: 'ES256', state: 'active' }],
    })
  })

  it('may not name the compromised key as its own successor', async (t) => {
    const reply = { successors: [{ kid: 'k1', activatedAt: '2026-11-21T10:00:00Z' }], windowMs: 0, keys: [] }
    const { provider } = await made(t, { promote: says(reply) })
    await assert.rejects(provider.promote(incident, nobody), failed(/own successor/))
  })
})

describe('looking at the provider', () => {
  it('tells what is unavailable without the commands that were not given', async (t) => {
    const { provider } = await made(t)
    const found = await provider.inspect({ ...incident, sessions: [{ sub: 'mallory' }] })
    assert.deepEqual(found.provider, { kind: 'command', issuer })
    assert.equal(found.key?.kid, 'k1')
    assert.deepEqual(found.obstacles, [])
    for (const name of ['freeze', 'probe', 'publish', 'endSessions', 'changes', 'record']) {
      assert.ok(
        found.warnings.some((warning) => warning.startsWith(`there is no command ${name}`)),
        name,
      )
    }
  })

  it('finds before anything is done that a later command cannot run', async (t) => {
    const missing: Command = { run: ['./no-such-script'], timeoutSeconds: 1, env: ['KC_PASSWORD'] }
    const onPath: Command = { run: ['sh', '-c', 'exit 1'], timeoutSeconds: 1, env: [] }
    const nowhere: Command = { ...onPath, run: ['no-such-program-anywhere'] }
    const { provider } = await made(t, { revoke: missing, changes: onPath, record: nowhere })
    const { obstacles } = await provider.inspect(incident)
    assert.deepEqual(obstacles, [
      { code: 'SELF_LOCK', message: 'the command revoke wants the variable KC_PASSWORD, which is not set' },
      {
        code: 'SELF_LOCK',
        message: 'the program of the command revoke is not there or may not be run: ./no-such-script',
      },
      {
        code: 'SELF_LOCK',
        message: 'the program of the command record is not there or may not be run: no-such-program-anywhere',
      },
    ])
  })

  it('of another issuer is refused', async (t) => {
    const { provider } = await made(t, {
      inspect: says({ provider: { issuer: 'https://other.example.com' }, keys: [] }),
    })
    await assert.rejects(provider.inspect(incident), failed(/another issuer/))
  })

  it('finds that nobody knows the key', async (t) => {
    const { provider } = await made(t, { inspect: says({ provider: { issuer }, keys: [] }) })
    assert.equal((await provider.inspect(incident)).key, undefined)
  })
})

describe('a probe', () => {
  const once = (kid: string) =>
    answering(`
      const { existsSync, writeFileSync } = require('node:fs')
      if (existsSync('minted')) return { unavailable: 'the key is gone' }
      writeFileSync('minted', '')
      return { token: ${JSON.stringify(tokenOf(kid))} }`)

  it('by the compromised key is made once, and kept where only its owner reads it', async (t) => {
    const { provider, config } = await made(t, { probe: once('k1') })
    const first = await provider.probe(incident, 'compromised')
    assert.deepEqual(first, { token: tokenOf('k1'), kid: 'k1', jti: 'one', expiresAt: '2096-10-02T07:06:40.000Z' })
    assert.deepEqual(await provider.probe(incident, 'compromised'), first)
    const kept = await stat(join(config.folder, 'INC-1', 'probe.json'))
    assert.equal(kept.mode & 0o777, 0o600)
  })

  it('by the compromised key that has expired is asked for again', async (t) => {
    const expired = tokenOf('k1', { exp: 1_000_000_000 })
    const { provider } = await made(t, { probe: says({ token: expired }) })
    await provider.probe(incident, 'compromised')
    assert.equal(JSON.parse(JSON.stringify(await provider.probe(incident, 'compromised'))).token, expired)
  })

  it('that was kept and is damaged is told, and not shown', async (t) => {
    const { provider, config } = await made(t, { probe: once('k1') })
    await provider.probe(incident, 'compromised')
    const path = join(config.folder, 'INC-1', 'probe.json')
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, -20))
    const failure = await provider.probe(incident, 'compromised').catch((error) => error)
    assert.equal(failure.code, 'FILE_FAILED')
    assert.doesNotMatch(`${failure.message}${failure.cause}`, /eyJ/)
  })

  for (const [what, kind, token, message] of [
    ['compromised, by another key', 'compromised', tokenOf('k2'), /by the key k2, not by the compromised one/],
    ['fresh, by the compromised key', 'fresh', tokenOf('k1'), /by the compromised key: it still signs/],
    ['denied, by the compromised key', 'denied', tokenOf('k1'), /it still signs/],
    ['of another issuer', 'fresh', tokenOf('k2', { iss: 'https://other.example.com' }), /of another issuer/],
    ['opaque', 'fresh', 'b2bc94a1-5dd6', /no JWT with a kid and an iss/],
    ['of two parts', 'fresh', tokenOf('k2').split('.').slice(0, 2).join('.'), /no JWT/],
  ] as const) {
    it(`is refused that is ${what}: it would prove nothing`, async (t) => {
      const { provider } = await made(t, { probe: says({ token }) })
      await assert.rejects(provider.probe(incident, kind), failed(message))
    })
  }

  it('to be denied needs a jti', async (t) => {
    const { provider } = await made(t, { probe: says({ token: tokenOf('k2', { jti: undefined }) }) })
    assert.ok('unavailable' in (await provider.probe(incident, 'denied')))
  })

  it('cannot be had without its command', async (t) => {
    const { provider } = await made(t)
    assert.deepEqual(await provider.probe(incident, 'fresh'), { unavailable: 'there is no command probe' })
  })
})

describe('ending sessions', () => {
  const sessions = [
    { sub: 'mallory' },
    { sid: 's-1' },
    { clientId: 'agent-7', issuedBefore: '2026-11-21T08:00:00.000Z' },
    { all: true as const },
  ]
  const at = '2026-11-21T10:00:00.000Z'

  it('is told to instances by the clock of the provider', async (t) => {
    const ended = { endedAt: at, stores: [{ name: 'user sessions', ended: 4 }] }
    const { provider } = await made(t, { endSessions: says(ended) })
    assert.deepEqual(await provider.endSessions({ ...incident, sessions }), {
      entries: [
        { sub: 'mallory', issuedBefore: at },
        { sid: 's-1' },
        { client_id: 'agent-7', issuedBefore: '2026-11-21T08:00:00.000Z' },
        { iss: issuer, issuedBefore: at },
      ],
      stores: [{ name: 'user sessions', ended: 4 }],
    })
  })

  it('without a command is told to instances all the same, and that sessions go on', async (t) => {
    const { provider } = await made(t)
    const ended = await provider.endSessions({ ...incident, sessions: [{ sid: 's-1' }] })
    assert.ok(!('unavailable' in ended))
    assert.deepEqual(ended.entries, [{ sid: 's-1' }])
    assert.match(ended.incomplete ?? '', /the sessions go on/)
  })

  it('of nobody runs nothing', async (t) => {
    const { provider } = await made(t, { endSessions: program('process.exit(1)') })
    assert.deepEqual(await provider.endSessions(incident), { entries: [], stores: [] })
  })
})

describe('freezing', () => {
  const noted = (name: string) =>
    answering(`require('node:fs').writeFileSync('${name}', JSON.stringify(asked)); return {}`)

  it('is undone by its own command, and both are written down', async (t) => {
    const { provider, config } = await made(t, { freeze: noted('frozen'), unfreeze: noted('unfrozen') })
    await provider.journal.open(incident)
    const frozen = await provider.freeze(incident)
    assert.ok('frozenAt' in frozen)
    assert.equal((await provider.journal.load('INC-1')).frozen, true)
    await provider.unfreeze('INC-1', { operator: 'grace', reason: 'contained' })
    const record = await provider.journal.load('INC-1')
    assert.equal(record.frozen, false)
    assert.equal(record.unfrozenBy, 'grace')
    assert.deepEqual(JSON.parse(await readFile(join(config.home, 'unfrozen'), 'utf8')), {
      command: 'unfreeze',
      issuer,
      incident: 'INC-1',
      operator: 'grace',
      reason: 'contained',
    })
  })

  it('that fails is not written down', async (t) => {
    const { provider } = await made(t, { freeze: program('process.exit(1)'), unfreeze: noted('unfrozen') })
    await provider.journal.open(incident)
    await assert.rejects(provider.freeze(incident), { code: 'COMMAND_FAILED' })
    assert.equal((await provider.journal.load('INC-1')).frozen, false)
  })
})

describe('what else may be given', () => {
  it('is unavailable, and no step of its own, where it is not', async (t) => {
    const { provider } = await made(t)
    assert.equal(provider.publish, undefined)
    assert.equal(await provider.acknowledgements('INC-1'), undefined)
    assert.deepEqual(await provider.changes(incident), { unavailable: 'there is no command changes' })
    assert.deepEqual(await provider.record('INC-1'), { unavailable: 'there is no command record' })
    assert.ok('unavailable' in (await provider.freeze(incident)))
  })

  it('tells what it waits for, and shows what the command says meanwhile', async (t) => {
    const publish = program(`
      console.error('waiting for two nodes')
      console.log(JSON.stringify({ published: [{ kid: 'k2', publishedAt: '2026-11-21T10:00:00Z' }], settleMs: 30000 }))`)
    const { provider, lines } = await made(t, { publish })
    const waits: string[][] = []
    const publication = await provider.publish?.(incident, (names) => waits.push(names))
    assert.equal(publication?.settleMs, 30_000)
    assert.deepEqual(waits, [['the command publish']])
    assert.deepEqual(lines, ['publish: waiting for two nodes'])
  })

  it('may answer that it cannot be had', async (t) => {
    const { provider } = await made(t, { changes: says({ unavailable: 'admin events are switched off' }) })
    assert.deepEqual(await provider.changes(incident), { unavailable: 'admin events are switched off' })
  })
})
