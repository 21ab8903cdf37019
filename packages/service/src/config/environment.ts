import type { z } from 'zod'
import { ServiceError } from '../error.ts'

/**
 * Reads variables by a schema.
 *
 * @throws ServiceError `CONFIG_INVALID`, naming every variable that is wrong
 */
export function readEnvironment<Given>(variables: z.ZodType<Given>, env: NodeJS.ProcessEnv): Given {
  // Compose files pass variables that are set to nothing; that is to say nothing.
  const said = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = variables.safeParse(said)
  if (parsed.success) return parsed.data
  const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new ServiceError('CONFIG_INVALID', `the configuration is wrong: ${wrong.join('; ')}`)
}
