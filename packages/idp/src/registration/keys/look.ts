import { setTimeout as sleep } from 'node:timers/promises'
import { transact } from '@rekey/service'
import { IdpError } from '../../error.ts'
import type { Instance } from '../../instance.ts'
import { guardedFetch } from '../../outbound/fetch.ts'
import { type KeysAnswer, readKeysAnswer } from './answer.ts'
import { beginLook, endLook, lookUnderWay } from './attempts.ts'
import { dropFetched, type Look, saveFetched } from './save.ts'

/** A client whose keys lie at a `jwks_uri`. */
export interface Publisher {
  clientId: string
  organizationId: string
  profile: string
  uri: string
  /** When what is known of its keys was asked for. Milliseconds since the epoch; 0 where nothing is known. */
  knownAt: number
}

/** What came of a look at a `jwks_uri`. */
export interface Looked {
  /** Is anything newer stored than was known? */
  stored: boolean
  /** Whether it began before it was asked for. */
  began: 'before' | 'now'
  /** What was wrong with the answer. */
  why?: string
}

const mostBytes = 65_536
const timeoutMs = 5_000
/** How often an instance asks whether the look of another one has ended. */
const pollMs = 50

/**
 * Looks at a client's `jwks_uri`, or waits for the look that is under way, at this instance or another.
 *
 * @param cooldownMs within which there are no more than two looks: beyond that nothing is done
 * @throws IdpError `OVERLOADED`
 */
export async function lookAt(instance: Instance, publisher: Publisher, cooldownMs: number): Promise<Looked> {
  const { keyLooks } = instance
  const running = keyLooks.get(publisher.clientId)
  if (running) return { ...(await running), began: 'before' }
  const begun = look(instance, publisher, cooldownMs).finally(() => keyLooks.delete(publisher.clientId))
  keyLooks.set(publisher.clientId, begun)
  return begun
}

async function look(instance: Instance, publisher: Publisher, cooldownMs: number): Promise<Looked> {
  instance.requireRoom()
  const { clientId, uri } = publisher
  const at = await beginLook(instance.connection.db, clientId, uri, cooldownMs)
  if (at === undefined) return awaitOther(instance, publisher)
  return { ...(await take(instance, publisher, { uri, at }, await ask(instance, publisher))), began: 'now' }
}

/** Another instance may be looking: whoever comes to this one is not to be refused because he did not come to that one. */
async function awaitOther({ connection: { db } }: Instance, { clientId, knownAt }: Publisher): Promise<Looked> {
  for (let waited = false; ; waited = true) {
    const { running, at } = await lookUnderWay(db, clientId)
    const stored = at !== null && at > knownAt
    // One that stood in the way may have ended before it was asked about.
    if (!running) return { stored, began: waited || stored ? 'before' : 'now' }
    await sleep(pollMs)
  }
}

async function ask({ outbound, config, profiles }: Instance, { uri, profile }: Publisher): Promise<KeysAnswer> {
  try {
    const headers = { accept: 'application/jwk-set+json, application/json' }
    const answer = await guardedFetch(outbound, uri, { headers, maxBytes: mostBytes, timeoutMs })
    return readKeysAnswer(answer, config.oidc.mostClientKeys, profiles.get(profile)?.keyAlgorithms)
  } catch (error) {
    if (error instanceof IdpError) return { is: 'bad', why: String(error.facts?.why) }
    throw error
  }
}

async function take(
  { connection: { db }, metrics, gathered }: Instance,
  publisher: Publisher,
  look: Look,
  answer: KeysAnswer,
): Promise<Omit<Looked, 'began'>> {
  if (answer.is === 'good') {
    const { keys, freshMs } = answer
    const changed = await transact(db, (transaction) => saveFetched(transaction, publisher, look, keys, freshMs))
    metrics.jwksUriFetches.inc({ outcome: changed ? 'changed' : 'unchanged' })
    return { stored: changed !== undefined }
  }
  const { why, leaked = [] } = answer
  const { clientId, organizationId } = publisher
  metrics.jwksUriFetches.inc({ outcome: 'failed' })
  gathered.note({
    action: 'client.keys_fetch_failed',
    outcome: 'failed',
    actor: clientId,
    agentId: clientId,
    organizationId,
    cause: why,
  })
  if (leaked.length > 0) await transact(db, (transaction) => dropFetched(transaction, publisher, look, leaked))
  await endLook(db, clientId, look.uri)
  return { stored: leaked.length > 0, why }
}
