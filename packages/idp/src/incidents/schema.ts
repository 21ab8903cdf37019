import {
  type ApiTarget,
  type IncidentRecord,
  type Inspection,
  incidentId,
  type KeyShown,
  type Plan,
  type StepRecord,
  stepNames,
  type TimelineEntry,
  type VerifierShown,
} from '@rekey/breakglass'
import { lineOf, time } from '@rekey/service'
import { z } from 'zod'

export const incidentParams = z.object({ incident: incidentId })
export const stepParams = z.object({ incident: incidentId, step: z.enum(stepNames) })

const runner = lineOf(200).describe('Who carries it out, for example user@host (pid 7)')
const state = z.enum(['pending', 'running', 'done', 'failed'])
const error = z.object({ code: z.string().max(100), message: z.string().max(2_000) })

export const claimBody = z.strictObject({ runner, seconds: z.number().int().min(1).max(60) })
export const releaseBody = z.strictObject({ runner })
export const unfreezeBody = z
  .strictObject({ operator: lineOf(200).optional().describe('Who answers for it'), reason: lineOf(500).optional() })
  .nullish()

/** Members that are absent stay as they are; null takes away. */
export const stepBody = z.strictObject({
  runner,
  state: state.optional(),
  waitingFor: z.array(z.string().max(1_000)).max(2_000).optional(),
  result: z.unknown().optional().describe('At most 2000000 characters; null takes it away'),
  error: error.nullish(),
})

/** What is shown is all there is: a member that has no schema would be left out of replies without a word. */
export type Members<Shown> = Record<keyof Shown, z.ZodType>

const shownPlan = z.object({
  incident: z.string(),
  kid: z.string(),
  reason: z.string(),
  sessions: z.array(z.record(z.string(), z.union([z.string(), z.boolean()]))).describe('Whose sessions end'),
  since: time.optional().describe('Changes since then are listed for review'),
  suspectStore: z.boolean().describe('What was sealed in the store is replaced, too'),
  apis: z.array(
    z.object({
      url: z.string(),
      everyAddress: z.boolean(),
      library: z.string().optional(),
      path: z.string(),
    } satisfies Members<ApiTarget>),
  ),
  proveForMs: z.number().describe('For how long instances are probed until they all refuse'),
} satisfies Members<Plan>)

const shownStep = z.object({
  name: z.enum(stepNames),
  state,
  startedAt: time.optional(),
  endedAt: time.optional(),
  runner: z.string().optional().describe('Who ran it last'),
  attempts: z.number().describe('How often it was begun'),
  waitingFor: z.array(z.string()),
  result: z.unknown().optional().describe('Not in the list of incidents'),
  error: error.optional(),
} satisfies Members<StepRecord>)

export const shownIncident = z.object({
  plan: shownPlan,
  openedAt: time,
  openedBy: z.string(),
  frozen: z.boolean().describe('Administration that could do harm is refused because of it'),
  frozenAt: time.optional(),
  unfrozenAt: time.optional(),
  unfrozenBy: z.string().optional(),
  claim: z.object({ runner: z.string(), until: time }).optional().describe('Who carries it out, until then at least'),
  steps: z.array(shownStep),
  timeline: z.array(
    z.object({
      at: time,
      what: z.string(),
      by: z.string(),
      details: z.record(z.string(), z.unknown()).optional(),
    } satisfies Members<TimelineEntry>),
  ),
  now: time.describe('When this was read, by the clock of the database'),
} satisfies Members<IncidentRecord>)

export const shownKey = z.object({
  kid: z.string(),
  keyring: z.string(),
  algorithm: z.string(),
  state: z.string(),
  thumbprint: z.string().optional().describe('RFC 7638, SHA-256'),
  reason: z.string().optional(),
  revokedAt: time.optional(),
} satisfies Members<KeyShown>)

/** What a rehearsal finds: nothing was changed, nothing was written down. */
export const shownInspection = z.object({
  provider: z.object({ kind: z.string(), issuer: z.string(), library: z.string().optional() }),
  key: shownKey.extend({ activatedAt: time.optional(), canSign: z.boolean() }).optional(),
  keys: z.array(shownKey).describe('All that are accepted now, and the revoked ones'),
  verifiers: z.array(
    z.object({
      id: z.string(),
      library: z.string(),
      revision: z.object({ epoch: z.number(), n: z.number() }),
      live: z.boolean(),
      acceptsUntil: time,
    } satisfies Members<VerifierShown>),
  ),
  instances: z.array(z.string()),
  obstacles: z.array(
    z.object({ code: z.enum(['SELF_LOCK', 'PLAN_INVALID', 'ROOT_KEY_NOT_REPLACED']), message: z.string() }),
  ),
  warnings: z.array(z.string()),
  now: time,
} satisfies Members<Inspection>)
