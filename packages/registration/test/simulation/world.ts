/** Services that share a client, and what may happen to them in any order: in memory, but for the lock of their folders. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureRegistered, optionsFromEnvironment, RegistrationError } from '../../src/index.ts'
import { type Jwk, keysOf, thumbprintOf } from '../../src/keys/jwk.ts'
import { keyOfPem } from '../../src/keys/key.ts'
import { DAY_MS } from '../../src/rotation/due.ts'
import { stampOf } from '../../src/rotation/kid.ts'
import { memory } from './memory.ts'
import { provider } from './provider.ts'

const IDP = 'http://idp.example'
const SERVICE = 'http://service.example/jwks.json'
const RETIRE_DAYS = 60
// A killed start leaves its lock behind; nobody else lives, so that nothing is to be waited for.
const lockTimes = { staleMs: 0, beatMs: 1_000, waitMs: 60_000 }

/** Two PEMs of one folder, and one with a copy of its credentials elsewhere, which has no place behind an address. */
export const members = ['one/a', 'one/b', 'two/c'] as const
export type Member = (typeof members)[number]

export interface Start {
  readonly member: Member
  readonly rotates: boolean
  readonly forced: boolean
  readonly cap: number
  /** Before which act on a file or the network it is killed; 0 for not at all. */
  readonly killedAt: number
  readonly isFrozen: boolean
  readonly isServed: boolean
}

const expected = ['TOO_MANY_KEYS', 'FROZEN', 'CLIENT_GONE', 'IAT_MISSING']

export async function newWorld(byAddress: boolean) {
  const place = await mkdtemp(join(tmpdir(), 'registration-'))
  let now = 1_800_000_000_000
  let iats = 0
  const removed = new Set<string | undefined>()
  const disk = memory(() => now)
  const idp = provider(IDP)

  const pathOf = (member: Member, ending = '') => join(place, `${member}.pem${ending}`)
  const file = join(place, 'one', 'jwks.json')
  const credentialsOf = (member: Member) => join(place, member.slice(0, 3), 'bff_client.json')
  const clientOf = (member: Member): string => JSON.parse(disk.text(credentialsOf(member)) ?? '{}').client_id ?? ''
  const written = () => keysOf(JSON.parse(disk.text(file) ?? 'null')) ?? []

  const isByAddress = (clientId: string) => idp.metadataOf(clientId)?.jwks_uri !== undefined

  /** The keys by which the identity provider believes a client now. */
  function believed(clientId: string): readonly Jwk[] {
    return isByAddress(clientId) ? written() : (keysOf(idp.metadataOf(clientId)?.jwks) ?? [])
  }

  function keyIn(path: string): string | undefined {
    const pem = disk.text(path)
    return pem === undefined ? undefined : keyOfPem(pem, path, 0).thumbprint
  }

  const has = (set: readonly Jwk[], thumbprint: string | undefined) =>
    set.some((key) => thumbprintOf(key) === thumbprint)

  /** What a start left, killed or not. A new client has all of its keys from this start; a cap that is lowered waits for a key that is added. */
  function judge(before: readonly Jwk[], after: readonly Jwk[], { isNew, cap }: { isNew: boolean; cap: number }) {
    const added = after.filter((key) => !has(before, thumbprintOf(key)))
    const back = (isNew ? after : added).find((key) => removed.has(thumbprintOf(key)))
    assert.equal(back?.kid, undefined, 'it was taken out, and is back')
    if (added.length > 0 && cap > 0) assert.ok(after.length <= cap, `${after.length} keys where ${cap} may be`)
  }

  // What waits beside a PEM never signed, and comes: a crash is no removal.
  const isWaiting = (key: Jwk) => members.some((member) => keyIn(pathOf(member, '.next')) === thumbprintOf(key))
  const note = (gone: readonly Jwk[]) => {
    for (const key of gone) removed.add(thumbprintOf(key))
  }

  const isOld = ({ kid = '' }: Jwk) => now - (stampOf(kid) ?? now) >= RETIRE_DAYS * DAY_MS

  /** What others sign with, and what this one signed with until now, stays. */
  function keysInUse(clientId: string, starting: Member): string[] {
    return members.flatMap((member) => {
      const key = keyIn(pathOf(member))
      const jwk = believed(clientId).find((one) => thumbprintOf(one) === key)
      if (key === undefined || jwk === undefined || clientOf(member) !== clientId) return []
      return member !== starting && isOld(jwk) ? [] : [key]
    })
  }

  function environmentOf({ member, rotates, forced, cap }: Start): Record<string, string> {
    return {
      DCR_ENABLED: 'true',
      IDP_BASE_URL: IDP,
      DCR_IAT: `iat-${forced ? ++iats : iats}`,
      DCR_SIGNING_KEY: pathOf(member),
      DCR_KEY_ALG: 'ES256',
      BFF_JWK_MAX_KEYS: String(cap),
      BFF_JWK_RETIRE_AFTER_DAYS: String(RETIRE_DAYS),
      ...(byAddress ? { DCR_JWKS_URI: SERVICE, BFF_JWKS_FILE: file } : {}),
      ...(rotates ? { BFF_JWK_ROTATE_AFTER_DAYS: '0' } : {}),
      ...(forced ? { DCR_FORCE_REPLACE: 'true' } : {}),
    }
  }

  /** @returns what came of it; undefined when it was killed */
  async function run(start: Start) {
    let acts = 0
    const { promise: killed, resolve: kill } = Promise.withResolvers<undefined>()
    // biome-ignore lint/suspicious/noExplicitAny: wraps functions of any form
    const act = <F extends (...args: any[]) => Promise<any>>(f: F) =>
      ((...args: unknown[]) => {
        if (++acts < start.killedAt || start.killedAt === 0) return f(...args)
        kill(undefined)
        return new Promise(() => undefined)
      }) as F
    const fetch = act(async (url: string, init: RequestInit = {}) => {
      if (url !== SERVICE) return idp.answer(url, init)
      return new Response(disk.text(file), { status: start.isServed ? 200 : 503 })
    })
    const { write, rename, remove } = disk.files
    const files = { ...disk.files, write: act(write), rename: act(rename), remove: act(remove) }
    const ports = { fetch: fetch as typeof globalThis.fetch, files, now: () => now, lockTimes }
    const quiet = { log: () => undefined, sleep: async () => undefined }
    return Promise.race([
      ensureRegistered(optionsFromEnvironment(environmentOf(start)), { ...ports, ...quiet }),
      killed,
    ])
  }

  return {
    async start(start: Start) {
      if (clientOf(start.member) === '' && clientOf('one/a') !== '')
        await disk.set(credentialsOf(start.member), disk.text(credentialsOf('one/a')) ?? '')
      const client = clientOf(start.member)
      const inUse = keysInUse(client, start.member)
      idp.isFrozen = start.isFrozen
      const before = believed(client)
      const result = await run(start).catch((error) => {
        if (!(error instanceof RegistrationError) || !expected.includes(error.code)) throw error
        return undefined
      })
      const after = clientOf(start.member)
      judge(before, believed(after), { isNew: after !== client, cap: start.cap })
      const registered = idp.metadataOf(client) === undefined ? undefined : believed(client)
      for (const key of registered === undefined ? [] : inUse)
        assert.ok(has(registered ?? [], key), 'a key in use is gone')
      if (result === undefined) return
      assert.ok('kid' in result)
      assert.ok(has(believed(result.clientId), keyIn(pathOf(start.member))), 'what signs is not in the set')
    },
    /** Takes keys out, as an administrator does at the identity provider, or somebody in the file. */
    async takeOut(at: readonly number[], atProvider: boolean) {
      const client = clientOf('one/a')
      const set = believed(client)
      const gone = set.filter((key, index) => at.includes(index) && !isWaiting(key))
      if (gone.length === 0) return
      const keys = set.filter((key) => !gone.includes(key))
      if (isByAddress(client) && !atProvider) await disk.set(file, JSON.stringify({ keys }))
      else idp.change(client, { jwks: { keys }, jwks_uri: null })
      note(gone)
    },
    /** The client is deleted, what it had goes with it, and there is another initial access token. */
    forget() {
      iats += 1
      const client = clientOf('one/a')
      note(believed(client).filter((key) => !isWaiting(key)))
      idp.remove(client)
    },
    losePem: (member: Member) => disk.remove(pathOf(member)),
    wait(ms: number) {
      now += ms
    },
    end: () => rm(place, { recursive: true }),
  }
}

export type World = Awaited<ReturnType<typeof newWorld>>
