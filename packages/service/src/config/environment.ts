import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { ServiceError } from '../error.ts'

/**
 * Reads variables by a schema. Each `NAME` may also stand in the file that `NAME_FILE` names, as mounted secrets do; a schema that has
 * both reads such a file itself.
 *
 * @throws ServiceError `CONFIG_INVALID`, naming every variable that is wrong
 */
export function readEnvironment<Given>(variables: z.ZodType<Given>, env: NodeJS.ProcessEnv): Given {
  // Compose files pass variables that are set to nothing; that is to say nothing.
  const said = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = variables.safeParse({ ...said, ...fromFiles(variables, said) })
  if (parsed.success) return parsed.data
  const wrong = parsed.error.issues.map(
    (issue) => `${issue.path.join('.')}${isMissing(issue, said) ? ' is missing' : `: ${issue.message}`}`,
  )
  throw new ServiceError('CONFIG_INVALID', wrong.join('; '))
}

/** What the library says of these is about types. */
const isMissing = ({ code, path }: z.core.$ZodIssue, said: NodeJS.ProcessEnv) =>
  code === 'invalid_type' && !(String(path[0]) in said) && !(`${String(path[0])}_FILE` in said)

function fromFiles(variables: z.ZodType, said: NodeJS.ProcessEnv): Record<string, string> {
  const names = variables instanceof z.ZodObject ? Object.keys(variables.shape) : []
  const given = names.filter((name) => !names.includes(`${name}_FILE`) && said[`${name}_FILE`] !== undefined)
  const both = given.filter((name) => said[name] !== undefined)
  if (both.length > 0) {
    const which = both.map((name) => `${name} and ${name}_FILE are both set: which one is meant?`)
    throw new ServiceError('CONFIG_INVALID', which.join('; '))
  }
  return Object.fromEntries(
    given.map((name) => {
      const path = String(said[`${name}_FILE`])
      return [name, places.has(name) ? `file:${path}` : textOf(`${name}_FILE`, path)]
    }),
  )
}

/** These say where a secret is, and are no secrets: the file is looked at again and again by whoever reads what is there. */
const places: ReadonlySet<string> = new Set(['REKEY_ROOT_KEY'])

/** The path stays out of it: whoever puts a secret where a path belongs would find it in the log. */
function textOf(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ServiceError('CONFIG_INVALID', `${name} cannot be read (${code ?? 'unknown'})`)
  }
}
