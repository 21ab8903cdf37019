import type { Plan } from '../../incident/plan.ts'
import type { IdentityProvider, Probe, ProbeKind, Unavailable } from '../port.ts'
import type { ManagementApi } from './api.ts'
import { type Ask, asking } from './ask.ts'
import { pathOf, rekeyJournal } from './journal.ts'
import { isRefusal } from './refusal.ts'

// Answered when every live instance has confirmed: a lease of 5 s for each of the two halves, and 2 s for verifiers.
const everywhereMs = 60_000
// Thousands of events are read, and proofs made.
const readMs = 60_000

/** Rekey's own identity provider, over HTTP. */
export function rekeyProvider(api: ManagementApi): IdentityProvider {
  const ask = asking(api)
  const act = <T>({ incident }: Plan, what: string) => ask<T>('POST', `${pathOf(incident)}/${what}`, {}, everywhereMs)
  const read = <T>(incident: string, what: string) => ask<T>('GET', `${pathOf(incident)}/${what}`, undefined, readMs)
  return {
    journal: rekeyJournal(ask),
    inspect: (plan) => ask('POST', '', { ...plan, dryRun: true }),
    freeze: (plan) => act(plan, 'freeze'),
    unfreeze: async (incident, by) => {
      await ask('POST', `${pathOf(incident)}/unfreeze`, by, everywhereMs)
    },
    probe: (plan, kind) => probe(ask, plan, kind),
    promote: (plan, waitingFor) => {
      waitingFor(['another key to be active, and every live instance of the identity provider to sign by it'])
      return act(plan, 'promote')
    },
    revoke: (plan, waitingFor) => {
      waitingFor(['every live instance of the identity provider to confirm the revocation'])
      return act(plan, 'revoke')
    },
    endSessions: (plan) => act(plan, 'sessions'),
    acknowledgements: (incident) => read(incident, 'acknowledgements'),
    changes: ({ incident }) => read(incident, 'changes'),
    record: (incident) => read(incident, 'record'),
  }
}

async function probe(ask: Ask, { incident }: Plan, kind: ProbeKind): Promise<Probe | Unavailable> {
  try {
    return await ask('POST', `${pathOf(incident)}/probes`, { kind }, everywhereMs)
  } catch (error) {
    // Neither is in the way of the revocation.
    if (isRefusal(error, 'KEY_CANNOT_SIGN') || isRefusal(error, 'NOT_FROZEN')) return { unavailable: error.message }
    throw error
  }
}
