import { z } from 'zod'

const message =
  'a path such as /api/orders/:id or /api/**: letters, digits and ._~@$+!- between slashes, {name} or :name for a part, and * or ** at the end only'
const literal = /^[\w.~@$+!-]+$/
const parameter = /^(?::([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})$/

/** A path with parameters and perhaps a wildcard at its end, in the form that Fastify takes. */
export const routePath = z.string(message).transform((given, context) => {
  const path = normalized(given)
  if (path !== undefined) return path
  context.addIssue({ code: 'custom', message })
  return z.NEVER
})

function normalized(given: string): string | undefined {
  if (given === '/') return given
  if (!given.startsWith('/')) return undefined
  const parts = given.slice(1).split('/')
  const forms = parts.map((part, i) => {
    if (part === '*' || part === '**') return i === parts.length - 1 ? '*' : undefined
    const [, colon, braces] = parameter.exec(part) ?? []
    if (colon ?? braces) return `:${colon ?? braces}`
    return literal.test(part) && part !== '.' && part !== '..' ? part : undefined
  })
  const names = parametersIn(`/${forms.join('/')}`)
  return forms.includes(undefined) || new Set(names).size < names.length ? undefined : `/${forms.join('/')}`
}

/** The names of its parameters. */
export function parametersIn(path: string): string[] {
  return path
    .split('/')
    .filter((part) => part.startsWith(':'))
    .map((part) => part.slice(1))
}

/** What two paths have in common that match the same requests. */
export function shapeOf(path: string): string {
  return path.replace(/:[^/]+/g, ':')
}
