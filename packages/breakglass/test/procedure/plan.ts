import { type Plan, type PlanInput, plan } from '../../src/incident/plan.ts'

/** An incident about the key `old`, whose holder was mallory. */
export function planFor({ api }: { api: string }, more: Partial<PlanInput> = {}): Plan {
  return plan.parse({
    incident: 'INC-1',
    kid: 'old',
    reason: 'the key was seen elsewhere',
    sessions: [{ sub: 'mallory' }],
    apis: [{ url: api }],
    proveForMs: 2_000,
    ...more,
  })
}
