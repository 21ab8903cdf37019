import type { ProbeKind, VerifierShown } from '../providers/port.ts'
import type { Round, Seen } from './round.ts'
import { type Baseline, type InstanceAddress, type InstanceVerdict, isProved, type RefreshOutcome } from './verdict.ts'
import { worstCaseOf } from './worst-case.ts'

/** What is known of an instance besides what it was seen to do. */
export interface Known {
  instance: InstanceAddress
  kid: string
  /** Since when nobody should accept the key, ISO 8601. */
  since: string
  baseline?: Baseline | undefined
  refresh?: RefreshOutcome | undefined
  verifiers?: readonly Pick<VerifierShown, 'id' | 'acceptsUntil'>[] | undefined
  /** Whether it took the denied token when it was told of it here; undefined where it was not told. */
  wasTold?: boolean
  /** When the denied token that was tried ends by itself, ISO 8601. */
  deniedUntil?: string | undefined
}

type Proof = Pick<InstanceVerdict, 'oldRefused' | 'freshAccepted' | 'deniedRefused'>

/** What is said of an instance at the end, from the worst that was seen of each token. Pure. */
export function verdictOf(worst: Round, rounds: number, provedAt: string | undefined, known: Known): InstanceVerdict {
  const { compromised, fresh, denied } = worst
  const showsNothing = compromised.right === true && !isForTheKey(compromised, known.baseline)
  const proof: Proof = {
    oldRefused: showsNothing ? null : compromised.right,
    freshAccepted: fresh.right,
    // Whoever knows nothing of a token shows nothing by taking it.
    deniedRefused: denied.right === false && !isTold(known) ? null : denied.right,
  }
  const processes = known.refresh?.answeredBy.length || null
  const problems = problemsOf(worst, showsNothing, known)
  const verdict = { ...known.instance, ...proof, rounds, processes, problems }
  if (isProved(proof)) return { ...verdict, problems: [], ...(provedAt !== undefined && { provedAt }) }
  const worstCase = worstCaseAt(proof, known)
  return { ...verdict, fallback: fallbackFor(proof, known), ...(worstCase !== undefined && { worstCase }) }
}

/** One that is on the feed hears of it there. */
function isTold({ wasTold, refresh }: Known): boolean {
  const { revision = null } = (refresh?.reply ?? {}) as { revision?: unknown }
  return wasTold === true || revision !== null
}

function whyNotTold({ refresh, wasTold }: Known): string {
  if (refresh?.status === 404) return 'it has no deny-list that can be told of it'
  if (wasTold === false) return 'it did not take it when it was told of it'
  return `it was not told of it: ${refresh?.message ?? 'the secret of its internal endpoints is not known here, or it was not named here (--api)'}`
}

/** The codes that say that it was the key, and not something else about the token. */
const ABOUT_THE_KEY = ['key_revoked', 'key_retired', 'key_unknown']

/** What was refused before the revocation, for its long life perhaps, is refused after it for the same reason. */
function isForTheKey({ reason }: Seen, baseline: Baseline | undefined): boolean {
  return baseline?.compromised !== 'refused' || ABOUT_THE_KEY.includes(reason ?? '')
}

const TOKENS: Readonly<Record<ProbeKind, string>> = {
  compromised: 'a token by the compromised key',
  fresh: 'a fresh token',
  denied: 'a token that is denied',
}

function problemsOf(worst: Round, showsNothing: boolean, known: Known): string[] {
  const { refresh, baseline } = known
  const found = (['compromised', 'fresh', 'denied'] as const).flatMap((kind) => {
    const { right, status, reason, open, untried } = worst[kind]
    if (right === true) return []
    if (untried) return [`${TOKENS[kind]} could not be tried: ${open}`]
    if (right === null) return [open ?? 'nothing can be said about it']
    if (kind === 'denied' && !isTold(known))
      return [`it accepts ${TOKENS.denied}, and that shows nothing: ${whyNotTold(known)}`]
    return [
      `it ${kind === 'fresh' ? 'refuses' : 'accepts'} ${TOKENS[kind]} (${[status, reason].filter(Boolean).join(' ')})`,
    ]
  })
  if (showsNothing) {
    const why = baseline?.reason === undefined ? '' : ` (${baseline.reason})`
    found.push(
      `it refused a token by the compromised key before that was revoked${why}: that it does so now shows nothing`,
    )
  }
  if (refresh?.message !== undefined) found.push(`when it was to refresh its keys: ${refresh.message}`)
  return [...new Set(found)]
}

/** Only `@rekey/verifier` says which keys it has after a refresh. */
function libraryOf({ instance, refresh }: Known): string | undefined {
  const reply = refresh?.reply as { kids?: unknown; issuers?: unknown } | undefined
  const isOurs = reply?.kids !== undefined || reply?.issuers !== undefined
  return instance.library ?? (isOurs ? '@rekey/verifier' : undefined)
}

function fallbackFor({ oldRefused, freshAccepted }: Proof, known: Known): string {
  if (oldRefused === true && freshAccepted === true) {
    if (known.refresh?.status === 404) return 'wait until the tokens of the sessions concerned have ended'
    return 'post what is denied to its /internal/auth/deny, or wait until the tokens of the sessions concerned have ended'
  }
  const restart = 'restart every process of it, one after the other'
  if (!libraryOf(known)?.startsWith('@rekey/verifier'))
    return `${restart}, so that it fetches the keys anew; then check again`
  return `${restart}: its log must then show "JWKS bootstrap: trust held" with kids that do not name ${known.kid}; then check again`
}

function worstCaseAt({ oldRefused, deniedRefused }: Proof, known: Known): InstanceVerdict['worstCase'] {
  if (oldRefused !== true) {
    const names = known.refresh?.answeredBy ?? []
    // The provider puts the name of the client before that of the process.
    const onFeed =
      known.verifiers?.filter(({ id }) => names.some((name) => id === name || id.endsWith(`/${name}`))) ?? []
    const until = onFeed
      .map(({ acceptsUntil }) => acceptsUntil)
      .toSorted()
      .at(-1)
    const isWhole = until !== undefined && onFeed.length === names.length
    if (isWhole) return { text: 'it is on the feed and stops by itself when what it was granted is over', until }
    return worstCaseOf(libraryOf(known), known.since)
  }
  if (deniedRefused === true) return undefined
  const { deniedUntil } = known
  return {
    text: 'tokens of the sessions concerned are accepted until they end by themselves',
    until: deniedUntil ?? null,
  }
}
