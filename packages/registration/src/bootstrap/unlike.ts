import type { Credentials } from '../files/credentials.ts'
import type { Seen } from '../provider/management.ts'
import type { Context } from './context.ts'

/** Says where the environment wishes what only a new registration could bring. */
export function warnOfUnlike(
  { options, ports }: Pick<Context, 'options' | 'ports'>,
  { client_id }: Credentials,
  { metadata }: Seen,
): void {
  const { clientId, clientProfile } = options
  const profile = metadata.client_profile
  const stays = 'it stays as it is: only a new registration changes that.'
  if (clientId !== undefined && clientId !== client_id)
    ports.log(
      'warn',
      `DCR_CLIENT_ID is ${clientId}, and the registration in ${options.credentials} is ${client_id}: ${stays}`,
    )
  if (clientProfile !== undefined && typeof profile === 'string' && profile !== clientProfile)
    ports.log('warn', `DCR_CLIENT_PROFILE is ${clientProfile}, and ${client_id} is registered by ${profile}: ${stays}`)
}
