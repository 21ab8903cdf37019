import { setTimeout as delay } from 'node:timers/promises'
import {
  apiOverFetch,
  breakGlass,
  instanceTools,
  makeEvidenceKey,
  type Outcome,
  type PlanInput,
  plan,
  readEvidenceKey,
  rekeyProvider,
  resultOf,
  type Surroundings,
  stepOf,
  verifyEvidence,
} from '@rekey/breakglass'
import { type Clients, registerClients } from '../estate/clients.ts'
import { startHome } from '../estate/home.ts'
import { type Idp, startIdp } from '../estate/idp.ts'
import { Keyrings } from '../estate/keyrings.ts'
import { Management, tokenFor } from '../estate/management.ts'
import { median, percentile } from '../estate/percentile.ts'
import type { Undo } from '../estate/undo.ts'
import { Crowds } from '../revoke/crowds.ts'
import { COMMIT_TIMES, Ledger } from '../revoke/ledger.ts'
import { kidOf } from '../revoke/revocation.ts'

/** How much is measured. */
interface Extent {
  readonly sizes: readonly number[]
  /** Incidents at each size. */
  readonly rounds: number
  readonly processes: number
}

/** Medians of the rounds at one number of verifiers. */
export interface Measured {
  readonly connections: number
  readonly refusedP50Ms: number
  readonly refusedP99Ms: number
  readonly refusedMaxMs: number
  /** From the commit until the last verifier had acknowledged. */
  readonly confirmedMs: number
  readonly wholeMs: number
  /** How long each step took, in milliseconds, in the last round. */
  readonly steps: string
  /** In every round. */
  readonly proved: boolean
  /** Of the IdP's processor, for a renewal of a lease, while nothing else goes on. Milliseconds. */
  readonly renewalMs: number
}

interface Estate {
  readonly idp: Idp
  readonly clients: Clients
  readonly ledger: Ledger
  readonly management: Management
}

/** One incident: what each verifier waited for, and the procedure. All milliseconds. */
interface Incident {
  readonly refusedMs: readonly number[]
  readonly confirmedMs: number
  readonly wholeMs: number
  readonly outcome: Outcome
  readonly evidenceVerifies: boolean
}

/** Measures every size, one after the other, on one estate. */
export async function measure(undo: Undo, { sizes, rounds, processes }: Extent): Promise<Measured[]> {
  console.error('starting PostgreSQL and the IdP')
  const home = await startHome(undo, [COMMIT_TIMES])
  const clients = await registerClients(home, processes)
  const idp = await startIdp(undo, 'IdP', home)
  const ledger = new Ledger(await Keyrings.open(undo, home))
  const estate = { idp, clients, ledger, management: new Management(clients.admin) }
  const results: Measured[] = []
  for (const connections of sizes) {
    console.error(`${connections} verifiers: opening`)
    const crowds = await Crowds.open(undo, idp.url, clients.verifiers, connections)
    const renewalMs = await costOfRenewal(idp, connections)
    const incidents: Incident[] = []
    for (let round = 1; round <= rounds; round += 1) {
      const incident = await incidentOn(estate, crowds, `BENCH-${connections}-${round}`)
      console.error(`${connections} verifiers, ${round} of ${rounds}: ${incident.wholeMs.toFixed(0)} ms`)
      incidents.push(incident)
    }
    results.push({ connections, renewalMs, ...summary(incidents) })
    await crowds.close()
  }
  return results
}

async function incidentOn(estate: Estate, crowds: Crowds, incident: string): Promise<Incident> {
  const { idp, clients, ledger, management } = estate
  const { access_token: token } = await tokenFor(idp.url, clients.agent)
  const kid = kidOf(token)
  const apis = await crowds.serve()
  const { refused } = await crowds.watch(token, kid)
  const asked: PlanInput = { incident, kid, reason: 'benchmark', apis: apis.map((url) => ({ url })) }
  const sealed: Uint8Array[] = []
  const from = performance.now()
  const outcome = await breakGlass(plan.parse(asked), surroundings(estate, sealed))
  const wholeMs = performance.now() - from
  const committed = await ledger.revocationOf(kid)
  const refusedMs = (await refused).map((at) => at - committed)
  await management.call('POST', `${idp.url}/api/v1/incidents/${incident}/unfreeze`, {})
  const verdict = verifyEvidence(sealed.at(-1) ?? new Uint8Array(), {})
  return { refusedMs, confirmedMs: confirmedMs(outcome, kid), wholeMs, outcome, evidenceVerifies: verdict.consistent }
}

function surroundings({ idp, management }: Estate, sealed: Uint8Array[]): Surroundings {
  const pause = (ms: number, signal?: AbortSignal) => delay(ms, undefined, signal ? { signal } : {})
  const { signal } = new AbortController()
  const hands = { clock: Date.now, monotonic: () => performance.now(), pause }
  return {
    ...hands,
    provider: rekeyProvider(apiOverFetch(idp.url, () => management.token(idp.url), signal)),
    instances: instanceTools(hands),
    evidence: {
      key: readEvidenceKey(makeEvidenceKey().pem),
      async keep(_incident, bytes) {
        sealed.push(bytes)
        return 'in memory'
      },
    },
    runner: 'bench',
    signal,
    onChange: () => undefined,
    software: 'bench',
  }
}

/** Both moments are the database's. */
function confirmedMs({ record }: Outcome, kid: string): number {
  const committed = resultOf(record, 'revoke')?.revoked.find((one) => one.kid === kid)?.revokedAt ?? ''
  return Date.parse(stepOf(record, 'verifiers').endedAt ?? '') - Date.parse(committed)
}

const REST_MS = 10_000
/** So often a verifier renews. */
const RENEWAL_PERIOD_MS = 5_000

async function costOfRenewal(idp: Idp, connections: number): Promise<number> {
  const usedMs = async () => (await idp.metric('process_cpu_seconds_total')) * 1_000
  const [before, from] = [await usedMs(), performance.now()]
  await delay(REST_MS)
  const usedMsSince = (await usedMs()) - before
  return usedMsSince / ((connections * (performance.now() - from)) / RENEWAL_PERIOD_MS)
}

function summary(incidents: readonly Incident[]): Omit<Measured, 'connections' | 'renewalMs'> {
  const each = (percent: number) => median(incidents.map(({ refusedMs }) => percentile(refusedMs, percent)))
  return {
    refusedP50Ms: each(50),
    refusedP99Ms: each(99),
    refusedMaxMs: each(100),
    confirmedMs: median(incidents.map((incident) => incident.confirmedMs)),
    wholeMs: median(incidents.map(({ wholeMs }) => wholeMs)),
    steps: stepTimes(incidents.at(-1)),
    proved: incidents.every(({ outcome, evidenceVerifies }) => outcome.contained && evidenceVerifies),
  }
}

function stepTimes(incident: Incident | undefined): string {
  const steps = incident?.outcome.record.steps ?? []
  return steps
    .map(({ name, startedAt = '', endedAt = '' }) => `${name} ${Date.parse(endedAt) - Date.parse(startedAt)}`)
    .join(', ')
}
