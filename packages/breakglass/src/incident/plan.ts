import { z } from 'zod'

const line = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what must not stand there
    .regex(/^[^\u0000-\u001f\u007f]+$/, 'one line of text')

/** Becomes part of a path and of a file's name. */
export const incidentId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dots, hyphens and underscores')

const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text).toISOString())

/**
 * Whose sessions end: of a subject, one session, of a client, or all there are; of those, what was issued before a moment
 * (ISO 8601), which is the moment of the step itself where none is given.
 */
export const sessionSelector = z.union([
  z.strictObject({ sub: line(512), issuedBefore: moment.optional() }),
  z.strictObject({ sid: line(512) }),
  z.strictObject({ clientId: line(512), issuedBefore: moment.optional() }),
  z.strictObject({ all: z.literal(true), issuedBefore: moment.optional() }),
])
/** Whose sessions end, as `sessionSelector` describes it. */
export type SessionSelector = z.infer<typeof sessionSelector>

/** As it will be called: there is more than one way to write a password into an address. */
function holdsNoCredentials(text: string): boolean {
  const url = URL.parse(text)
  return url === null || (url.username === '' && url.password === '')
}

/** An API, or several behind one name. */
export const apiTarget = z.strictObject({
  // It is written down, shown and put into evidence.
  url: z
    .url({ protocol: /^https?$/ })
    .refine(holdsNoCredentials, 'no name and password')
    .transform((text) => text.replace(/\/+$/, '')),
  /** Each address that the name resolves to is an instance of its own. */
  everyAddress: z.boolean().default(false),
  /** What it verifies tokens with, for the bound on how long it goes on accepting: `jose`, `go-oidc`, `@rekey/verifier` … */
  library: line(100).optional(),
  /** A path that answers 401 to whoever has no good token, and otherwise something else. */
  path: z
    .string()
    .regex(/^\/[^\s?#]*(\?[^\s#]*)?$/, 'a path')
    .default('/hello'),
})
/** An API as the operator named it, or several behind one name. */
export type ApiTarget = z.infer<typeof apiTarget>

/** What is to be done about a compromised signing key. It holds no secret. */
export const plan = z.strictObject({
  incident: incidentId,
  kid: line(200),
  reason: line(500),
  sessions: z.array(sessionSelector).max(100).default([]),
  /** Changes since then are listed for review; where it is not given, since the key became active. */
  since: moment.optional(),
  /** The store may have leaked too: everything that was sealed in it is replaced. */
  suspectStore: z.boolean().default(false),
  apis: z.array(apiTarget).max(1_000).default([]),
  /** For how long instances are probed until they all refuse, in milliseconds. */
  proveForMs: z.number().int().min(0).max(3_600_000).default(30_000),
})
/** What is to be done about a compromised signing key, with every default filled in. */
export type Plan = z.infer<typeof plan>
/** A plan as it may be given: what has a default may be left out. */
export type PlanInput = z.input<typeof plan>
