import type { Probe, ProbeKind } from '../providers/port.ts'
import { Unanswered } from './client.ts'
import { type Known, verdictOf } from './explain.ts'
import { internalEndpoints } from './internal.ts'
import { type NoProbe, ProbeSource } from './probe-source.ts'
import { Processes } from './processes.ts'
import { KINDS, type Round, roundOf, type Trial } from './round.ts'
import { Standing } from './standing.ts'
import type { Hands, Probes, ProofRequest } from './tools.ts'
import type { InstanceAddress, InstanceVerdict } from './verdict.ts'

const ROUNDS = 3
const BETWEEN_GOOD_MS = 200
const BETWEEN_OTHERS_MS = [250, 500, 1_000]
/** For each process that answers, in a round: one of ten, chosen at random, is missed in three rounds once in 1,000 times. */
const PASSES_A_PROCESS = 3
const MOST_PASSES = 60
/** Of instances that do not say which process answers; shared out, so that many are not tried for long. */
const UNNAMED_TRIES = 140
const MOST_UNNAMED_PASSES = 7

/**
 * Tries each instance with the old token, a fresh one and a denied one, until it did what it must for some rounds in a
 * row, or the time is over; then what it did last is what is said of it. Instances do not wait for each other.
 */
export function proveInstances(
  instances: readonly InstanceAddress[],
  probes: Probes,
  request: ProofRequest,
  hands: Hands,
  signal?: AbortSignal,
): Promise<InstanceVerdict[]> {
  const tokens = tokensOf(probes, hands)
  const endMs = hands.monotonic() + request.withinMs
  const unnamed = Math.max(1, Math.min(MOST_UNNAMED_PASSES, Math.floor(UNNAMED_TRIES / instances.length)))
  const proofOf = (instance: InstanceAddress) =>
    new Proof(instance, tokens, request, hands, { endMs, unnamedPasses: unnamed }, signal)
  return Promise.all(instances.map((instance) => proofOf(instance).run()))
}

type Tokens = (kind: ProbeKind) => Promise<Probe | NoProbe>

function tokensOf({ old, fresh, denied }: Probes, { clock, monotonic }: Hands): Tokens {
  const sources = { fresh: new ProbeSource(fresh, monotonic), denied: new ProbeSource(denied, monotonic) }
  return async (kind) => {
    if (kind !== 'compromised') return sources[kind].get()
    if (old === undefined) return { unavailable: 'none could be made' }
    const isOver = old.expiresAt !== undefined && Date.parse(old.expiresAt) <= clock()
    return isOver ? { unavailable: 'it has ended, and would be refused for that alone' } : old
  }
}

/** One instance on its way to being proved. */
class Proof {
  readonly #known: Known
  readonly #tokens: Tokens
  #denied: Probe | undefined
  readonly #request: ProofRequest
  readonly #hands: Hands
  readonly #bounds: { endMs: number; unnamedPasses: number }
  readonly #signal: AbortSignal | undefined
  readonly #trial: Trial
  readonly #rounds: number
  readonly #standing: Standing
  /** The denied tokens of which it was told here, and which it took. */
  readonly #told = new Set<string>()
  #badInRow = 0

  constructor(
    instance: InstanceAddress,
    tokens: Tokens,
    request: ProofRequest,
    hands: Hands,
    bounds: { endMs: number; unnamedPasses: number },
    signal: AbortSignal | undefined,
  ) {
    const { kid, since, verifiers, rounds = ROUNDS } = request
    const isIt = (one: InstanceAddress) =>
      one.url === instance.url && one.address === instance.address && one.path === instance.path
    const baseline = request.baselines?.find(isIt)
    this.#known = { instance, kid, since, verifiers, baseline, refresh: request.refreshes?.find(isIt) }
    this.#tokens = tokens
    this.#request = request
    this.#hands = hands
    this.#bounds = bounds
    this.#signal = signal
    this.#rounds = rounds
    this.#standing = new Standing(rounds)
    const refusal = baseline?.refusal ?? null
    this.#trial = { instance, ask: hands.client, refusal, token: (kind) => this.#token(kind), passes: 0, signal }
  }

  async run(): Promise<InstanceVerdict> {
    for (;;) {
      if (this.#polls) await this.#tellDenied()
      const round = await roundOf(this.#trial, this.#passes)
      this.#standing.add(round, new Date(this.#hands.clock()).toISOString())
      const verdict = this.#verdict()
      this.#request.onRound?.(verdict)
      if (this.#isOver) return verdict
      if (round.denied.right === false) await this.#tellDenied()
      await this.#hands.pause(this.#pauseMs(), this.#signal)
    }
  }

  /** Its deny-list has only what it is told; on the feed, it has the token by now. */
  get #polls(): boolean {
    const { denied, reply } = this.#known.refresh ?? {}
    return denied === true && ((reply ?? {}) as { revision?: unknown }).revision === null
  }

  get #passes(): number {
    const named = this.#known.refresh?.answeredBy.length ?? 0
    const processes = Math.max(named, this.#standing.wavers ? 2 : 1)
    if (processes < 2) return named === 0 ? this.#bounds.unnamedPasses : 1
    return Math.min(PASSES_A_PROCESS * processes, MOST_PASSES)
  }

  /** One that began to do what it must just before the end is seen through. */
  get #isOver(): boolean {
    const { isWell, isSilent, inRow, rounds } = this.#standing
    if (isWell) return inRow >= this.#rounds
    return this.#hands.monotonic() >= this.#bounds.endMs && (isSilent || rounds >= this.#rounds)
  }

  #pauseMs(): number {
    this.#badInRow = this.#standing.isWell ? 0 : this.#badInRow + 1
    if (this.#badInRow === 0) return BETWEEN_GOOD_MS
    return BETWEEN_OTHERS_MS[Math.min(this.#badInRow, BETWEEN_OTHERS_MS.length) - 1] as number
  }

  #verdict(): InstanceVerdict {
    const [compromised, fresh, denied] = KINDS.map((kind) => this.#standing.worst(kind))
    const { inRow, since, isWell } = this.#standing
    const provedAt = isWell && inRow >= this.#rounds ? since : undefined
    return verdictOf({ compromised, fresh, denied } as Round, inRow, provedAt, this.#known)
  }

  async #token(kind: ProbeKind): Promise<Probe | NoProbe> {
    const probe = await this.#tokens(kind)
    if (kind === 'denied' && 'token' in probe) {
      this.#denied = probe
      this.#known.deniedUntil = probe.expiresAt
    }
    return probe
  }

  /** The token may have been made after the refresh, and whoever polls hears of it only so. */
  async #tellDenied(): Promise<void> {
    const { token } = this.#request
    if (!token) return
    await this.#token('denied')
    const { jti, expiresAt } = this.#denied ?? {}
    if (jti === undefined || this.#told.has(jti)) return
    const entry = { jti, ...(expiresAt !== undefined && { expiresAt }) }
    const endpoints = internalEndpoints(this.#known.instance, token, this.#hands, this.#signal)
    try {
      const processes = new Processes(this.#known.refresh?.answeredBy)
      const { answer } = await processes.callEach(() => endpoints.deny([entry]), {
        search: processes.names.size === 0,
      })
      this.#known.wasTold = answer.status === 200
      if (this.#known.wasTold) this.#told.add(jti)
    } catch (error) {
      // It is told again in the next round.
      if (!(error instanceof Unanswered)) throw error
      this.#known.wasTold = false
    }
  }
}
