/** An identity provider in a file, for runs in several processes: real keys, real tokens, a JWKS that is served over HTTP. */
import { createHash, createPrivateKey, generateKeyPairSync, type JsonWebKey, randomUUID } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { BreakGlassError } from '../../src/error.ts'
import type { FolderJournal } from '../../src/journal/folder.ts'
import type { IdentityProvider, KeyShown, Probe, ProbeKind } from '../../src/providers/port.ts'
import { systemClock } from '../clock.ts'
import { serveOn, signedProbe } from '../instances/estate.ts'

interface Key {
  kid: string
  state: 'prepared' | 'active' | 'retiring' | 'revoked'
  jwk: JsonWebKey
  activatedAt?: string
  revokedAt?: string
}

interface State {
  url: string
  keys: Key[]
  denied: Record<string, string>[]
  probe?: Probe
  /** What was asked for, in order. */
  acts: string[]
}

const iso = (ms: number) => new Date(ms).toISOString()

export class FileIssuer {
  readonly #path: string

  constructor(folder: string) {
    this.#path = join(folder, 'issuer.json')
  }

  /** With an active key `old` and its standby `new`. */
  static async start(t: TestContext, folder: string): Promise<FileIssuer> {
    const issuer = new FileIssuer(folder)
    const server = createServer((_request, response) => response.end(JSON.stringify(issuer.jwks)))
    const url = await serveOn(t, server, 'http', '127.0.0.1')
    const keys: Key[] = [
      { kid: 'old', state: 'active', jwk: newKey(), activatedAt: iso(systemClock()) },
      { kid: 'new', state: 'prepared', jwk: newKey() },
    ]
    issuer.#write({ url, keys, denied: [], acts: [] })
    return issuer
  }

  get state(): State {
    return JSON.parse(readFileSync(this.#path, 'utf8'))
  }

  get url(): string {
    return this.state.url
  }

  get jwks() {
    const keys = this.state.keys.filter(({ state }) => state !== 'revoked')
    return { keys: keys.map(({ kid, jwk: { d: _d, ...jwk } }) => ({ ...jwk, kid, alg: 'ES256', use: 'sig' })) }
  }

  /** As whoever cares for evidence would see it: what it came to, however often it was asked for. */
  get endState() {
    const { keys, denied } = this.state
    return { keys: keys.map(({ kid, state }) => ({ kid, state })), denied: denied.filter((entry) => !('jti' in entry)) }
  }

  /** As a backup from before would have it. */
  forgetRevocation(): void {
    const { keys, ...rest } = this.state
    const before = keys.map(({ revokedAt: _at, ...key }) =>
      key.kid === 'old' ? { ...key, state: 'retiring' as const } : key,
    )
    this.#write({ ...rest, keys: before })
  }

  provider(journal: FolderJournal): IdentityProvider {
    return {
      journal,
      inspect: async ({ kid }) => {
        const keys = this.#shown()
        const key = this.state.keys.find((each) => each.kid === kid)
        const shown = keys.find((each) => each.kid === kid)
        return {
          provider: { kind: 'file', issuer: this.url },
          ...(key && shown && { key: { ...shown, canSign: key.state !== 'revoked' } }),
          keys,
          verifiers: [],
          instances: ['one'],
          obstacles: [],
          warnings: [],
          now: iso(systemClock()),
        }
      },
      freeze: async ({ incident }) => {
        this.#act('freeze')
        const { frozenAt = '' } = await journal.froze(incident, 'file')
        return { frozenAt }
      },
      unfreeze: async (incident, { operator = 'nobody', reason }) => {
        await journal.unfroze(incident, operator, reason)
      },
      probe: async ({ kid }, kind) => this.#probe(kid, kind),
      promote: async ({ kid }, waitingFor) => {
        waitingFor(['its one instance'])
        const at = iso(systemClock())
        this.#act('promote', ({ keys }) => {
          for (const key of keys) {
            if (key.kid === kid && key.state === 'active') key.state = 'retiring'
            if (key.kid !== kid && key.state === 'prepared') Object.assign(key, { state: 'active', activatedAt: at })
          }
        })
        const active = this.#active()
        const { activatedAt = at } = active
        const successor = { keyring: 'signing', kid: active.kid, activatedAt, everywhereAt: activatedAt }
        return { successors: [successor], windowMs: 0, keys: this.#shown() }
      },
      revoke: async ({ kid }) => {
        this.#act('revoke', ({ keys }) => {
          const key = keys.find((each) => each.kid === kid)
          if (key?.state === 'active') throw new BreakGlassError('PROVIDER_REFUSED', 'it is the one that signs')
          if (key?.state !== 'revoked') Object.assign(key ?? {}, { state: 'revoked', revokedAt: iso(systemClock()) })
        })
        const { revokedAt = '' } = this.state.keys.find((each) => each.kid === kid) ?? {}
        return { revoked: [{ keyring: 'signing', kid, revokedAt }], keys: this.#shown() }
      },
      endSessions: async ({ sessions }) => {
        const subjects = sessions.flatMap((each) => ('sub' in each ? [each.sub] : []))
        const entries = subjects.map((sub) => ({ sub, issuedBefore: '2026-01-01T00:00:00.000Z' }))
        this.#act('endSessions', ({ denied }) => {
          for (const entry of entries) {
            if (!denied.some((each) => JSON.stringify(each) === JSON.stringify(entry))) denied.push(entry)
          }
        })
        return { entries, stores: [{ name: 'deny-list', ended: null }] }
      },
      acknowledgements: async () => undefined,
      changes: async () => ({ unavailable: 'a file keeps no record of changes' }),
      record: async () => ({ unavailable: 'a file keeps no record' }),
    }
  }

  #probe(compromised: string, kind: ProbeKind): Probe | { unavailable: string } {
    const { probe } = this.state
    if (kind !== 'compromised') {
      const made = this.#mint(this.#active().kid, 600)
      if (kind === 'denied') this.#act('deny', ({ denied }) => denied.push({ jti: made.jti ?? '' }))
      return made
    }
    if (probe) return probe
    const isRevoked = this.state.keys.find(({ kid }) => kid === compromised)?.state === 'revoked'
    if (isRevoked) return { unavailable: 'its private half is gone' }
    const made = this.#mint(compromised, 86_400)
    this.#act('probe', (state) => {
      state.probe = made
    })
    return made
  }

  #mint(kid: string, seconds: number): Probe {
    const { url, keys } = this.state
    const jwk = keys.find((each) => each.kid === kid)?.jwk ?? {}
    return signedProbe(url, kid, createPrivateKey({ key: jwk, format: 'jwk' }), seconds)
  }

  #active(): Key {
    const active = this.state.keys.find(({ state }) => state === 'active')
    if (!active) throw new TypeError('no key is active')
    return active
  }

  #shown(): KeyShown[] {
    return this.state.keys.map(({ kid, state, jwk }) => {
      const members = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y })
      const thumbprint = createHash('sha256').update(members).digest('base64url')
      return { kid, keyring: 'signing', algorithm: 'ES256', state, thumbprint }
    })
  }

  #act(what: string, change: (state: State) => unknown = () => {}): void {
    const { state } = this
    change(state)
    state.acts.push(what)
    this.#write(state)
  }

  #write(state: State): void {
    const draft = `${this.#path}.${randomUUID()}`
    writeFileSync(draft, JSON.stringify(state))
    renameSync(draft, this.#path)
  }
}

function newKey(): JsonWebKey {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
}
