import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type ApiTarget,
  apiOverFetch,
  type EvidenceKey,
  ensureEvidenceKey,
  instanceTools,
  type Plan,
  refreshTokenOf,
  rekeyProvider,
  resumeIncident,
  type Surroundings,
} from '@rekey/breakglass'
import type { Logger } from 'pino'
import { monotonicClock, systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { IdpError } from '../error.ts'
import type { IdpDatabase } from '../tables.ts'
import { keepEvidence } from './evidence.ts'
import { software } from './software.ts'

/** Carries incidents out, where that was asked for by the API. One at a time is enough of each. */
export interface IncidentRunner {
  /**
   * A plan as this instance can carry it out: with the APIs of its configuration, where it names none.
   *
   * @throws IdpError `EVIDENCE_KEY_MISSING` where it has nothing to sign evidence by; `API_NOT_CONFIGURED` for another API:
   *   whoever asks must not be able to have it send its secret anywhere else
   */
  planned(plan: Plan): Plan
  /**
   * What is asked for of an incident that is there already: who names no APIs means those that it was opened with, where these
   * are of the configuration. What others named he has to name himself.
   */
  repeated(asked: Plan, opened: Plan): Plan
  /**
   * Begins, or goes on; how far it is stands in the incident.
   *
   * @param token of whoever asked: everything is done by it
   * @throws IdpError as `planned`
   */
  start(plan: Plan, token: string): void
  /** Interrupts what is under way; anybody can go on with it. */
  close(): Promise<void>
}

export function incidentRunner(config: Config, db: IdpDatabase, base: string, log: Logger): IncidentRunner {
  const { apis, evidenceKeyFile, refreshToken } = config.breakGlass
  // What else is said of an API, its path among that, changes nothing about who is spoken to.
  const isConfigured = ({ url }: ApiTarget) => apis.some((known) => known.url === url)
  const closing = new AbortController()
  const underWay = new Map<string, Promise<void>>()

  async function carryOut(incident: string, token: string): Promise<void> {
    try {
      const key = requireKey(evidenceKeyFile)
      const outcome = await resumeIncident(incident, surroundings(key, token))
      log.info({ incident, contained: outcome.contained, open: outcome.open.length }, 'incident carried out')
    } catch (error) {
      log.error({ err: error, incident }, 'incident not carried out: it can be gone on with')
    }
  }

  function surroundings(key: EvidenceKey, token: string): Surroundings {
    const hands = { clock: systemClock, monotonic: monotonicClock, pause }
    const tools = instanceTools(hands)
    return {
      ...hands,
      provider: rekeyProvider(apiOverFetch(base, () => token, closing.signal)),
      // An incident that was opened without any is about those of this configuration.
      instances: { ...tools, instancesOf: (named) => tools.instancesOf(named.length === 0 ? apis : named) },
      evidence: {
        key,
        async keep(incident, bytes) {
          await keepEvidence(db, incident, Buffer.from(bytes))
          return `${config.issuer}/api/v1/incidents/${incident}/evidence`
        },
      },
      runner: `${base} on ${hostname()} (pid ${process.pid})`,
      signal: closing.signal,
      refreshToken: refreshTokenOf(refreshToken),
      onChange: () => undefined,
      software: software(),
    }
  }

  function planned(plan: Plan): Plan {
    requireKey(evidenceKeyFile)
    if (plan.apis.length === 0) return { ...plan, apis }
    if (plan.apis.every(isConfigured)) return plan
    throw new IdpError('API_NOT_CONFIGURED', 'an API is named that REKEY_APIS of this instance does not name')
  }

  return {
    planned,
    repeated(asked, { apis: kept }) {
      return asked.apis.length === 0 && kept.every(isConfigured) ? { ...asked, apis: kept } : asked
    },
    start(plan, token) {
      const { incident } = planned(plan)
      if (underWay.has(incident)) return
      underWay.set(
        incident,
        carryOut(incident, token).finally(() => underWay.delete(incident)),
      )
    },
    async close() {
      closing.abort()
      await Promise.all(underWay.values())
    },
  }
}

const pause = (ms: number, signal?: AbortSignal) => delay(ms, undefined, signal ? { signal } : {})

function requireKey(file: string | undefined): EvidenceKey {
  if (file !== undefined) return ensureEvidenceKey(file)
  throw new IdpError('EVIDENCE_KEY_MISSING', 'this instance has no key to sign evidence by: set REKEY_EVIDENCE_KEY')
}
