import { z } from 'zod'
import { acknowledgements, address, changes, instance, key, refresh } from '../evidence/shape.ts'
import { promotion, revocation, sessions, unavailable } from '../evidence/steps.ts'
import type { IncidentRecord, StepName } from '../incident/record.ts'
import { stepOf } from '../incident/record.ts'
import type { Baseline, InstanceAddress, InstanceVerdict, RefreshOutcome } from '../instances/verdict.ts'
import type {
  Acknowledgements,
  Changes,
  EndedSessions,
  Inspection,
  Probe,
  Promotion,
  Revocation,
  Unavailable,
} from '../providers/port.ts'

/** What was had before the revocation. Never a token: the provider, or the operator, gives it again. */
export interface BeforeRevocation {
  old: Omit<Probe, 'token'> | Unavailable
  instances: InstanceAddress[]
  baselines: Baseline[]
  /** What could not be had, as sentences. */
  problems: string[]
}

/** What is known of the evidence that was sealed. */
export interface Sealed {
  /** Where the evidence is kept. */
  kept: string
  /** Fingerprint of the key that signed it. */
  signer: string
  /** SHA-256 of it, hexadecimal. */
  sha256: string
}

/** What is kept of each step. */
export interface StepResults {
  guard: Inspection
  freeze: { frozenAt: string } | Unavailable
  probes: BeforeRevocation
  promote: Promotion
  revoke: Revocation
  sessions: EndedSessions | Unavailable
  verifiers: Acknowledgements | Unavailable
  refresh: RefreshOutcome[]
  prove: InstanceVerdict[]
  changes: Changes | Unavailable
  evidence: Sealed
}

/**
 * What came of a step that was done, or `undefined`: also where what stands there is nothing that the step leaves behind. Whoever
 * may write in a journal may write anything.
 */
export function resultOf<Name extends StepName>(record: IncidentRecord, name: Name): StepResults[Name] | undefined {
  const { state, result } = stepOf(record, name)
  if (state !== 'done') return undefined
  return shapes[name].safeParse(result).success ? (result as StepResults[Name]) : undefined
}

const [text, texts] = [z.string(), z.array(z.string())]
const keys = z.array(key)
const shapes: Readonly<Record<StepName, z.ZodType>> = {
  guard: z.looseObject({ provider: z.looseObject({ kind: text, issuer: text }), keys, warnings: texts }),
  freeze: z.union([z.looseObject({ frozenAt: text }), unavailable]),
  probes: z.looseObject({
    old: z.looseObject({}),
    instances: z.array(z.looseObject(address)),
    baselines: z.array(z.looseObject({ ...address, refusal: z.number().nullable(), compromised: text })),
    problems: texts,
  }),
  promote: promotion.extend({ keys }),
  revoke: revocation.extend({ keys }),
  sessions: z.union([sessions, unavailable]),
  verifiers: z.union([acknowledgements, unavailable]),
  refresh: z.array(refresh),
  prove: z.array(instance),
  changes: z.union([changes, unavailable]),
  evidence: z.looseObject({ kept: text, signer: text, sha256: text }),
}

/** Whether it is the reason why something cannot be had. */
export function isUnavailable(value: object): value is Unavailable {
  return 'unavailable' in value
}
