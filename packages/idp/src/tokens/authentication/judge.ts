import { decodeUnverified } from '@rekey/verifier'
import type { Client, HeldKey, HeldSecret } from '../../credentials/client.ts'
import { judgeSecret } from '../../credentials/judge.ts'
import type { Instance } from '../../instance.ts'
import { isRegisteredWay, signsBySecret } from '../../registration/methods.ts'
import { judgeAssertion } from './assertion.ts'
import type { Attempt } from './authenticate.ts'
import type { Presented } from './presented.ts'
import { judgeSecretAssertion } from './secret-assertion.ts'

/** A version of a credential that was presented, and is accepted or was once. */
export interface Recognised {
  is: 'good' | 'dead'
  held: HeldSecret | HeldKey
  /** Of an assertion. */
  jti?: string
  expiresAt?: number
}

export type Verdict = Recognised | { is: 'unknown'; cause?: string }

/** Holds what was presented against what is held of a client, and against the way in which it registered to authenticate. */
export function judge(instance: Instance, attempt: Attempt, client: Client | undefined): Verdict {
  const verdict = judgeCredential(instance, attempt, client)
  // An agent that did not register may authenticate in any way.
  if (!client?.registration || verdict.is !== 'good') return verdict
  const { metadata } = client.registration
  const isRegistered = isRegisteredWay(metadata, verdict.held, algorithmOf(attempt.presented, verdict.held))
  return isRegistered ? verdict : { is: 'unknown', cause: 'method_not_registered' }
}

function judgeCredential({ config, view }: Instance, { presented, now }: Attempt, client: Client | undefined): Verdict {
  // All instances must see a credential end at the same moment, however their own clocks go.
  const databaseNow = view.databaseNow()
  if ('secret' in presented) return judgeSecret(presented.secret, client, databaseNow)
  const rules = { audiences: audiencesOf(config.issuer), skewMs: config.policy.skewMs, databaseNow }
  return client && signsBySecret(client.registration?.metadata)
    ? judgeSecretAssertion(presented.assertion, client, rules, now)
    : judgeAssertion(presented.assertion, client, rules, now)
}

/** Who this server is in an assertion: itself, and the endpoints at which its clients authenticate (RFC 7523 §3, RFC 9126 §2). */
function audiencesOf(issuer: string): string[] {
  return [issuer, `${issuer}/api/v1/token`, `${issuer}/api/oidc/token`, `${issuer}/api/oidc/request`]
}

/** @returns `undefined` where it is no assertion */
function algorithmOf(presented: Presented, held: Recognised['held']): string | undefined {
  if ('secret' in presented) return undefined
  return 'kid' in held ? held.algorithm : String(decodeUnverified(presented.assertion)?.header.alg)
}
