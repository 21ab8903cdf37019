/** An estate whose signing key was found in a public bucket, after one `rekey break-glass`, with requests under way since before. */
import assert from 'node:assert/strict'
import type { IncidentEvidence } from '@rekey/breakglass'
import type { IncidentDocument } from '../../src/break-glass/document.ts'
import { systemClock } from '../../src/clock.ts'
import type { Credential } from '../../src/estate/document.ts'
import { cachingApi } from '../break-glass/caching-api.ts'
import type { Place } from '../up.ts'
import { callsUnderWay } from './calls.ts'
import { pollingApi } from './polling-api.ts'

export const incident = 'INC-2041'
/** Of the internal endpoints. */
export const secret = 'r'.repeat(64)

export type Scene = Awaited<ReturnType<typeof compromised>>

/** @param place whose estate is up */
export async function compromised(place: Place) {
  const { idp, idps = [], apis: onFeed, admin, agent = admin } = place.estate
  const signedOtherwise = await tokensByAnotherKey()
  const polling = await pollingApi(idp, { INTERNAL_JWKS_REFRESH_TOKEN: secret })
  /** The same without the secret, so that nobody can tell it anything. */
  const unreached = await pollingApi(idp, {})
  const caching = await cachingApi(idp)
  await caching.warm(await token())
  const kid = (await versions()).find(({ state }) => state === 'active')?.id ?? ''
  const old = await token()
  const endLoad = await place.load(50)
  const calls = callsUnderWay([polling.url, unreached.url], token)
  const began = systemClock()
  const ran = await place.rekey('break-glass', ...words(), '--json')
  const found: IncidentDocument = JSON.parse(ran.stdout)
  const evidence: IncidentEvidence = await output('evidence', 'show', found.evidence ?? assert.fail(ran.stderr))
  return {
    idps,
    admin,
    agent,
    /** Those that can be told: two on the feed, and one that polls. */
    told: [...onFeed, polling.url],
    polling,
    unreached,
    /** Not ours. */
    caching,
    all: [...onFeed, polling.url, unreached.url, caching.url],
    ...signedOtherwise,
    /** The compromised key, and a token by it. */
    kid,
    old,
    endLoad,
    calls,
    began,
    ran,
    found,
    evidence,
    asked,
    token,
    versions,
    async end() {
      await Promise.all([calls.end(), endLoad()])
      await Promise.all([polling.close(), unreached.close(), caching.close()])
    },
  }

  function words(): string[] {
    const feed = onFeed.map((api) => `${api} library=@rekey/verifier-feed`)
    const others = [polling.url, `${unreached.url} library=@rekey/verifier`, `${caching.url} library=jose`]
    return [
      ...['--kid', kid, '--incident', incident, '--reason', 'found in a public bucket'],
      ...['--revoke-client', signedOtherwise.mallory.clientId, '--prove-for', '2s'],
      ...[...feed, ...others].flatMap((api) => ['--api', api]),
    ]
  }

  /**
   * By a key that is not compromised, so that they end by the deny-list alone: of Mallory, whose sessions are known to be
   * compromised, with one for administration, and of a bystander.
   */
  async function tokensByAnotherKey() {
    const created: Credential = await output('agent', 'create', 'mallory', '--scope', 'keyrings:read')
    await output('issue-with', 'signing-rs256', '--force', '--reason', 'drill')
    const [access, session] = await Promise.all([token(created), token(created, 'keyrings:read')])
    const bystander = await token()
    await output('issue-with', 'signing-es256', '--force', '--reason', 'drill')
    return { mallory: { ...created, token: access, session }, bystander }
  }

  async function versions(): Promise<{ id: string; state: string }[]> {
    const { keyrings } = await output('status')
    return keyrings.find(({ name }: { name: string }) => name === 'signing-es256').versions
  }

  // biome-ignore lint/suspicious/noExplicitAny: documents are looked at member by member
  async function output(...words: string[]): Promise<any> {
    const { code, stdout, stderr } = await place.rekey(...words, '--json')
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout)
  }

  /** A request for a token, at one instance. */
  function asked({ clientId, clientSecret }: Credential, scope?: string, at = idp): Promise<Response> {
    const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
    const body = new URLSearchParams({ grant_type: 'client_credentials', ...(scope && { scope }) })
    return fetch(`${at}/api/v1/token`, { method: 'POST', headers: { authorization }, body })
  }

  async function token(of: Credential = agent, scope?: string): Promise<string> {
    return ((await (await asked(of, scope)).json()) as { access_token: string }).access_token
  }
}
