import { z } from 'zod'
import type {
  Acknowledgements,
  Changes,
  Inspection,
  KeyShown,
  Promotion,
  ProviderRecord,
  Publication,
  Revocation,
} from '../port.ts'

/**
 * What commands answer. Members that are not asked for are left out, so that nothing gets into the journal and the evidence
 * that nobody looked at; what an operator's script can hardly know has a default.
 */
const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString())
const text = z
  .string()
  .max(2_000)
  .transform((said) => said.replace(/\p{Cc}+/gu, ' ').trim())
const name = z
  .string()
  .max(200)
  .regex(/^\P{Cc}+$/u, 'one line of text')
const keyring = name.default('signing')
const revision = z.object({ epoch: z.int().min(0), n: z.int().min(0) })
const milliseconds = z.number().min(0).max(86_400_000)

const key = z.object({
  kid: name,
  keyring,
  algorithm: name,
  state: name,
  thumbprint: name.optional(),
  reason: text.optional(),
  revokedAt: moment.optional(),
}) satisfies z.ZodType<KeyShown>
const keys = z.array(key).max(1_000)

export const unavailable = z.object({ unavailable: text })
export const nothing = z.object({})
export const frozen = z.object({ frozenAt: moment.optional() })
/** The rest is read from the token itself. */
export const token = z.object({ token: z.string().max(16_384) })

export const inspection = z.object({
  provider: z.object({ kind: name.default('command'), issuer: z.string(), library: name.optional() }),
  key: key.extend({ activatedAt: moment.optional(), canSign: z.boolean() }).optional(),
  keys,
  verifiers: z
    .array(z.object({ id: name, library: name, revision, live: z.boolean(), acceptsUntil: moment }))
    .max(10_000)
    .default([]),
  instances: z.array(name).max(1_000).default([]),
  obstacles: z
    .array(z.object({ code: z.enum(['SELF_LOCK', 'PLAN_INVALID']), message: text }))
    .max(100)
    .default([]),
  warnings: z.array(text).max(100).default([]),
  now: moment.optional(),
}) satisfies z.ZodType<Omit<Inspection, 'now'>>

export const publication = z.object({
  published: z.array(z.object({ keyring, kid: name, publishedAt: moment })).max(100),
  settleMs: milliseconds,
}) satisfies z.ZodType<Publication>

const successor = z
  .object({ keyring, kid: name, activatedAt: moment, everywhereAt: moment.optional() })
  .transform((found) => ({ ...found, everywhereAt: found.everywhereAt ?? found.activatedAt }))

export const promotion = z.object({
  successors: z.array(successor).max(100),
  windowMs: milliseconds,
  keys,
}) satisfies z.ZodType<Promotion>

export const revocation = z.object({
  revoked: z.array(z.object({ keyring, kid: name, revokedAt: moment })).max(100),
  revision: revision.optional(),
  keys,
}) satisfies z.ZodType<Revocation>

export const ended = z.object({
  /** The provider's clock when they had ended: what was issued before is denied. */
  endedAt: moment.optional(),
  /** In the place of what the plan says. */
  entries: z
    .array(z.record(name, z.string().max(512)))
    .max(1_000)
    .optional(),
  stores: z.array(z.object({ name, ended: z.int().min(0).nullable() })).max(100),
  incomplete: text.optional(),
})

export const acknowledgements = z.object({
  revision,
  acknowledged: z.array(z.object({ id: name, library: name, at: moment })).max(10_000),
  missing: z.array(z.object({ id: name, library: name, acceptsUntil: moment })).max(10_000),
}) satisfies z.ZodType<Acknowledgements>

export const changes = z.object({
  since: moment,
  until: moment,
  changes: z.array(z.object({ at: moment, action: text, actor: text, because: text, event: z.unknown() })).max(1_000),
  truncated: z.boolean(),
  note: text,
}) satisfies z.ZodType<Changes>

export const record = z.object({
  signer: name.optional(),
  events: z.array(z.object({ event: z.string().max(100_000), proof: z.unknown().optional() })).max(1_000),
  incomplete: text.optional(),
}) satisfies z.ZodType<ProviderRecord>
