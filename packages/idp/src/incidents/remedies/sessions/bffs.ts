/**
 * Sessions that backends for frontends keep in databases of their own. They are told by HTTP, after the deny-list is everywhere; one
 * that cannot be told is left open in the evidence, and stops nothing.
 */
import type { EndedSessions } from '@rekey/breakglass'
import { iso } from '@rekey/service'
import { type Environment, newestSecret } from '@rekey/verifier'
import { z } from 'zod'
import type { BffTarget } from '../../../config/bffs.ts'
import type { BreakGlassSettings } from '../../../config/break-glass.ts'
import { IdpError } from '../../../error.ts'
import { type Answer, guardedFetch } from '../../../outbound/fetch.ts'
import { outboundRules } from '../../../outbound/rules.ts'
import type { Selected } from './selected.ts'

/** It answers when every live replica of it refuses them: one that has just died is waited for until its lease of 5 s is over. */
const timeoutMs = 15_000
const maxBytes = 65_536
/** A connection that was about to be closed is no reason to leave sessions open. */
const mostTries = 2

const reply = z.object({ ended: z.number().int().min(0) })

/** For which incident, and for whom. */
interface Because {
  incident: string
  actor: string
}

export interface EndedAtBffs {
  stores: EndedSessions['stores']
  /** What was not ended, and why, as sentences. */
  open: string[]
}

export async function endBffSessions(
  { bffs, bffToken }: Pick<BreakGlassSettings, 'bffs' | 'bffToken'>,
  selected: readonly Selected[],
  because: Because,
): Promise<EndedAtBffs> {
  const results = await Promise.all(bffs.map((bff) => endAt(bff, bffToken, selected, because)))
  return { stores: results.flatMap(({ stores }) => stores), open: results.flatMap(({ open }) => open) }
}

async function endAt(
  bff: BffTarget,
  common: Environment,
  selected: readonly Selected[],
  because: Because,
): Promise<EndedAtBffs> {
  const isUnclear = bff.clientId === undefined && selected.some(({ selector }) => 'clientId' in selector)
  const open = isUnclear ? [notEnded(bff, 'REKEY_BFFS does not say as which client it logs users in')] : []
  const asked = selected.flatMap(({ selector, issuedBefore }) => {
    const whose = whoseAt(bff, selector)
    return whose ? [{ ...whose, issuedBefore: iso(issuedBefore), ...because }] : []
  })
  if (isUnclear && asked.length === 0) return { stores: [], open }
  try {
    const token = tokenOf(bff, common)
    let ended = 0
    for (const body of asked) ended += await askToEnd(bff, token, body)
    return { stores: [{ name: nameOf(bff), ended }], open }
  } catch (error) {
    if (!(error instanceof NotEnded || error instanceof IdpError)) throw error
    const why = error instanceof NotEnded ? error.message : `it does not answer (${error.facts?.why ?? error.code})`
    return { stores: [], open: [...open, notEnded(bff, why)] }
  }
}

const notEnded = ({ url }: BffTarget, why: string) =>
  `the sessions of the backend for frontend at ${url} were not ended: ${why}`

/** As evidence names it. */
const nameOf = ({ url }: BffTarget) => `bff ${url}`

/** @returns `undefined` where it has none of them */
function whoseAt({ clientId }: BffTarget, selector: Selected['selector']): object | undefined {
  if ('sub' in selector) return { sub: selector.sub }
  if ('sid' in selector) return { sids: [selector.sid] }
  return 'all' in selector || selector.clientId === clientId ? { all: true } : undefined
}

/** Read at each use: it may have been replaced. */
function tokenOf({ tokenFile }: BffTarget, common: Environment): string {
  const env = tokenFile === undefined ? common : { REKEY_BFF_ADMIN_TOKEN_FILE: tokenFile }
  const token = readToken(env)
  if (token === undefined) throw new NotEnded('no token is set for it (REKEY_BFF_ADMIN_TOKEN)')
  return token
}

function readToken(env: Environment): string | undefined {
  try {
    return newestSecret(env, 'REKEY_BFF_ADMIN_TOKEN')
  } catch (cause) {
    throw new NotEnded('its token cannot be read', { cause })
  }
}

async function askToEnd(bff: BffTarget, token: string, body: object): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    try {
      return endedIn(await send(bff, token, body))
    } catch (error) {
      if (tries === mostTries || !(error instanceof IdpError || error instanceof NotEnded)) throw error
    }
  }
}

function send({ url }: BffTarget, token: string, body: object): Promise<Answer> {
  return guardedFetch(outboundRules([new URL(url).host]), `${url}/internal/sessions/end`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
    maxBytes,
    timeoutMs,
  })
}

function endedIn({ status, body }: Answer): number {
  if (status !== 200) throw new NotEnded(`it answered ${status}`)
  try {
    return reply.parse(JSON.parse(body.toString())).ended
  } catch (cause) {
    throw new NotEnded('its answer does not say how many', { cause })
  }
}

/** Why one did not do it, in words that evidence may have. */
class NotEnded extends Error {
  override readonly name = 'NotEnded'
}
