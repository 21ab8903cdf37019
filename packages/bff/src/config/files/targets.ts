/** What the policy decision point is asked about, as routes.yaml and pdp.yaml write it. */
import { z } from 'zod'
import { parametersIn } from './path.ts'
import { text } from './values.ts'

/** What the policy decision point is asked about. */
export interface AuthzTarget {
  readonly resource: string
  readonly action: string
  /** Where the id of the resource is found; `*` stands for it where it is found nowhere. */
  readonly idFrom: RequestPart | undefined
  readonly props: Readonly<Record<string, RequestPart | string>>
}

/** A part of a request: a parameter of its path, one of its query, or a member of its JSON body (dots lead deeper). */
export interface RequestPart {
  readonly from: 'path' | 'query' | 'body'
  readonly name: string
}

/** By method; `*` is for every one that is not named. All of the targets must be allowed. */
export type MethodTargets = ReadonlyMap<string, readonly AuthzTarget[]>

export const knownMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
export const method = z
  .string()
  .toUpperCase()
  .refine((name) => (knownMethods as readonly string[]).includes(name), `one of ${knownMethods.join(', ')}`)

const partForm = /^(path|query|body):([\w.-]+)$/

const part = z
  .string()
  .regex(partForm, 'path:NAME, query:NAME or body:NAME')
  .transform((given) => partOf(given))

function partOf(given: string): RequestPart {
  const [, from = 'path', name = ''] = partForm.exec(given) ?? []
  return { from: from as RequestPart['from'], name }
}

const target = z
  .strictObject({
    resource: text,
    action: text,
    id_from: part.optional(),
    props: z
      .record(z.string(), text)
      .transform((props) =>
        Object.fromEntries(
          Object.entries(props).map(([name, from]) => [name, partForm.test(from) ? partOf(from) : from]),
        ),
      )
      .default({}),
  })
  .transform(({ resource, action, id_from: idFrom, props }): AuthzTarget => ({ resource, action, idFrom, props }))

const several = z.array(target).min(1, 'at least one')

/** By the schema that fits its form, so that what is told is about that one alone. */
const oneOrSeveral = z.unknown().transform((given, context): readonly AuthzTarget[] => {
  const parsed = Array.isArray(given) ? several.safeParse(given) : target.safeParse(given)
  if (!parsed.success) return passOn(parsed.error, given, context)
  return Array.isArray(parsed.data) ? parsed.data : [parsed.data as AuthzTarget]
})

/** METHOD → a target, or a list. */
export const methodTargets = z
  .record(z.union([z.literal('*'), method], `* or one of ${knownMethods.join(', ')}`), oneOrSeveral)
  .transform((targets): MethodTargets => new Map(Object.entries(targets)))

/** A target or a list for every method, or METHOD → a target, or a list. */
export const routeTargets = z.unknown().transform((given, context): MethodTargets => {
  const isForAll = Array.isArray(given) || (given !== null && typeof given === 'object' && 'resource' in given)
  const parsed = isForAll ? oneOrSeveral.safeParse(given) : methodTargets.safeParse(given)
  if (!parsed.success) return passOn(parsed.error, given, context)
  return parsed.data instanceof Map ? parsed.data : new Map([['*', parsed.data as readonly AuthzTarget[]]])
})

function passOn(error: z.ZodError, input: unknown, context: z.core.ParsePayload): never {
  for (const issue of error.issues) context.issues.push({ ...issue, input } as z.core.$ZodRawIssue)
  return z.NEVER
}

/** Parameters that are named and that the path does not have: nothing would ever be found there. */
export function absentParameters(path: string, targets: MethodTargets): string[] {
  const there = new Set(parametersIn(path))
  const parts = [...targets.values()].flat().flatMap(({ idFrom, props }) => [idFrom, ...Object.values(props)])
  const named = parts.flatMap((one) => (typeof one === 'object' && one.from === 'path' ? [one.name] : []))
  return [...new Set(named.filter((name) => !there.has(name)))]
}

/** HEAD is GET without its body, and needs no line of its own. */
export function targetsOf(targets: MethodTargets, method: string): readonly AuthzTarget[] | undefined {
  return targets.get(method) ?? (method === 'HEAD' ? targets.get('GET') : undefined) ?? targets.get('*')
}
