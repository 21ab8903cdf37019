import { BreakGlassError, type ManagementApi } from '@rekey/breakglass'
import type { ManagementClient } from '../client/management.ts'
import { CliError } from '../error.ts'

const scope = 'keyrings:read incidents:write audit:read'

/**
 * The management API of the IdP as the procedure calls it: every instance is tried, every call may be repeated, and a token
 * that ended on the way (a session of the incident, or a restart) is replaced once.
 */
export function managementApi(client: ManagementClient): ManagementApi {
  async function once<T>({ method, path, body, replyWithinMs }: Parameters<ManagementApi['call']>[0]): Promise<T> {
    const more = { ...(body === undefined ? {} : { body }), ...(replyWithinMs === undefined ? {} : { replyWithinMs }) }
    return await client.call<T>({ method, path, scope, failure: 'the IdP refused', repeatable: true, ...more })
  }
  return {
    async call(request) {
      try {
        return await once(request).catch((error) => {
          if (isStale(error)) return once(request)
          throw error
        })
      } catch (error) {
        throw error instanceof CliError ? asTold(error) : error
      }
    },
  }
}

function isStale(error: unknown): boolean {
  return error instanceof CliError && error.facts.status === 401
}

function asTold(error: CliError): BreakGlassError {
  const code = error.code === 'UNREACHABLE' ? 'PROVIDER_UNREACHABLE' : 'PROVIDER_REFUSED'
  return new BreakGlassError(code, error.message, { ...error.facts }, { cause: error })
}
