import type { IncidentRecord } from '../../incident/record.ts'
import type { Journal } from '../../journal/journal.ts'
import type { Ask } from './ask.ts'

/** The incidents of Rekey's identity provider, which any operator can go on with. */
export function rekeyJournal(ask: Ask): Journal {
  return {
    open: (plan) => ask('POST', '', { ...plan, run: false }),
    load: (incident) => ask('GET', pathOf(incident)),
    list: async () => (await ask<{ incidents: IncidentRecord[] }>('GET', '')).incidents,
    claim: (incident, runner, seconds) => ask('POST', `${pathOf(incident)}/claim`, { runner, seconds }),
    release: async (incident, runner) => {
      await ask('POST', `${pathOf(incident)}/release`, { runner })
    },
    step: (incident, runner, name, change) => ask('PUT', `${pathOf(incident)}/steps/${name}`, { runner, ...change }),
  }
}

export const pathOf = (incident: string) => `/${encodeURIComponent(incident)}`
