import { Unanswered } from './client.ts'
import { type InternalAnswer, type InternalEndpoints, internalEndpoints } from './internal.ts'
import { Processes } from './processes.ts'
import type { Hands, RefreshRequest } from './tools.ts'
import type { InstanceAddress, RefreshOutcome } from './verdict.ts'

/** What is found out of an instance; where and when is added to it. */
type Found = Omit<RefreshOutcome, keyof InstanceAddress | 'at'>

const ABSENT_AGAIN = 3
const NOTHING = { denied: false, answeredBy: [] }

/**
 * Has every instance fetch its keys anew, and tells it what to deny: also where the issuer cannot be asked from there,
 * because a denied key is refused whatever is held. All at once; a slow one delays only the end. Where several processes
 * answer behind one address, each of them is told.
 */
export function refreshInstances(
  instances: readonly InstanceAddress[],
  request: RefreshRequest,
  hands: Pick<Hands, 'client' | 'clock' | 'pause'>,
  signal?: AbortSignal,
): Promise<RefreshOutcome[]> {
  const { token, entries, onAnswer } = request
  const one = async (instance: InstanceAddress): Promise<RefreshOutcome> => {
    const found = token
      ? await refreshed(internalEndpoints(instance, token, hands, signal), entries)
      : { ...NOTHING, outcome: 'absent' as const, message: 'nobody gave the secret of its internal endpoints' }
    const outcome = { ...instance, ...found, at: new Date(hands.clock()).toISOString() }
    onAnswer?.(outcome)
    return outcome
  }
  return Promise.all(instances.map(one))
}

async function refreshed(endpoints: InternalEndpoints, entries: RefreshRequest['entries']): Promise<Found> {
  const processes = new Processes()
  try {
    const first = await firstAnswer(endpoints)
    const begun = outcomeOf(first)
    if (begun.outcome === 'absent' || begun.outcome === 'refused') return { ...begun, ...NOTHING }
    if (first.process !== undefined) processes.names.add(first.process)
    return await tellAll(endpoints, entries, begun, processes)
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    return { ...NOTHING, answeredBy: [...processes.names], outcome: 'unreachable', message: `it ${error.message}` }
  }
}

/** Of several processes behind one address, the first that is met may be another program. */
async function firstAnswer(endpoints: InternalEndpoints): Promise<InternalAnswer> {
  for (let again = 0; ; again++) {
    const answer = await endpoints.refresh()
    if (outcomeOf(answer).outcome !== 'absent' || again === ABSENT_AGAIN) return answer
  }
}

/** Denying is what processes are found by: it costs them little, where a refresh asks the issuer. */
async function tellAll(
  endpoints: InternalEndpoints,
  entries: RefreshRequest['entries'],
  begun: Pick<Found, 'outcome'>,
  processes: Processes,
): Promise<Found> {
  const deny = () => endpoints.deny(entries)
  let told = await processes.callEach(deny, { search: true })
  const known = processes.names.size
  const again = known > 1 && begun.outcome === 'refreshed'
  const anew = again ? await processes.callEach(() => endpoints.refresh(), { search: false }) : undefined
  if (processes.names.size > known) told = await processes.callEach(deny, { search: true })
  const denied = told.answer.status === 200 && told.unreached === 0
  const found = { ...begun, ...(anew && ofSeveral(anew.answer)), denied, answeredBy: [...processes.names] }
  const problem = missedIn(found, Math.max(told.unreached, anew?.unreached ?? 0), told.answer)
  if (problem !== undefined && found.outcome === 'refreshed') return { ...found, outcome: 'failed', message: problem }
  if (denied || found.message !== undefined) return found
  return { ...found, message: `it answers ${said(told.answer)} to what it is to deny` }
}

/** Processes that say who they are have both endpoints: what answers 404 beside them is something else, and was not refreshed. */
function missedIn(
  { answeredBy }: Pick<Found, 'answeredBy'>,
  unreached: number,
  told: InternalAnswer,
): string | undefined {
  if (unreached > 0) return `${unreached} of ${answeredBy.length} processes answered no more`
  const isStranger = answeredBy.length > 0 && told.status === 404
  return isStranger ? 'one of several processes behind its address has no internal endpoints' : undefined
}

/** One of them that refused is enough for all not to be refreshed. */
function ofSeveral(answer: InternalAnswer): Partial<Found> {
  const { outcome, message, ...shown } = outcomeOf(answer)
  if (outcome === 'refreshed') return { outcome, ...shown }
  return { outcome: 'failed', ...shown, message: `of one of its processes: ${message}` }
}

const said = ({ status, reason }: InternalAnswer): string =>
  reason === undefined ? `${status}` : `${status} (${reason})`

function outcomeOf(answer: InternalAnswer): Pick<Found, 'outcome' | 'status' | 'reply' | 'message'> {
  const { status, reply } = answer
  if (status === 200) return { outcome: 'refreshed', status, ...(reply !== undefined && { reply }) }
  if (status === 404 || status === 405 || status === 501) {
    return { outcome: 'absent', status, message: `it has no endpoint for a refresh (${status})` }
  }
  if (status === 401 || status === 403) {
    return { outcome: 'refused', status, message: `it refuses the secret of its internal endpoints (${said(answer)})` }
  }
  const redirects = status >= 300 && status < 400
  const message = redirects
    ? `it redirects (${status}), and the secret is sent nowhere else`
    : `it answers ${said(answer)}`
  return { outcome: 'failed', status, message }
}
