import type { RefusalCode } from '../http/errors.ts'

/** The ways to authenticate, as the description of the API names them. */
export const securitySchemes = {
  management: {
    type: 'http',
    scheme: 'bearer',
    description: 'An opaque token of a management scope, from the token endpoint. A JWT is no such token.',
  },
  client: {
    type: 'http',
    scheme: 'basic',
    description:
      'Id and secret of a client (RFC 6749 §2.3.1). They may be sent in the form instead, or an assertion signed by the ' +
      "client's key (private_key_jwt, RFC 7523).",
  },
  initialAccess: {
    type: 'http',
    scheme: 'bearer',
    description: 'An initial access token (RFC 7591 §3), which an administrator makes for whoever is to register.',
  },
  registration: {
    type: 'http',
    scheme: 'bearer',
    description: 'The registration access token (RFC 7592) of the client whose registration it is.',
  },
  verifier: { type: 'http', scheme: 'basic', description: 'Id and secret of a registered verifier.' },
} as const

/** One of those ways, with the scopes that it needs. */
export type Requirement = { [Way in keyof typeof securitySchemes]?: readonly string[] }

const requirements = new WeakMap<object, Requirement>()

/** Says what a hook demands of a request, so that the description of every route that has the hook says it too. */
export function demanding<Hook extends object>(requirement: Requirement, hook: Hook): Hook {
  requirements.set(hook, requirement)
  return hook
}

const refusals = new WeakMap<object, readonly RefusalCode[]>()

/** Says by which codes a hook may refuse besides. */
export function refusing<Hook extends object>(codes: readonly RefusalCode[], hook: Hook): Hook {
  refusals.set(hook, codes)
  return hook
}

/** @param hooks one hook, several, or none */
export function refusalsOf(hooks: unknown): readonly RefusalCode[] {
  return [hooks].flat().flatMap((hook) => (typeof hook === 'function' ? (refusals.get(hook) ?? []) : []))
}

/** @param hooks one hook, several, or none */
export function requirementsOf(hooks: unknown): Record<string, readonly string[]>[] {
  return [hooks].flat().flatMap((hook) => {
    const found = typeof hook === 'function' ? requirements.get(hook) : undefined
    return found ? [{ ...found }] : []
  })
}
