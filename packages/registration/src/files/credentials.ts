import { z } from 'zod'
import { RegistrationError } from '../error.ts'
import { jsonOf } from '../json.ts'

const stored = z.looseObject({
  client_id: z.string().min(1),
  registration_access_token: z.string().min(1).optional(),
  registration_client_uri: z.string().min(1).optional(),
  /** When that token was stored, or last looked after, in seconds since the epoch. */
  registration_access_token_at: z.int().optional(),
  /** The identity provider's public name, by which addresses in its replies are told to be its own. */
  issuer: z.string().optional(),
  /** The kid of the key in the PEM. */
  kid: z.string().optional(),
  /** Of the initial access token that a forced replacement used, so that it happens once. */
  replaced_with: z.string().optional(),
})

/** What is kept of a registration between starts. Members that are not ours are kept as they are. */
export type Credentials = z.infer<typeof stored>

export function credentialsOf(text: string, path: string): Credentials {
  const result = stored.safeParse(jsonOf(text))
  if (result.success) return result.data
  throw new RegistrationError(
    'CONFIG_INVALID',
    `The file of BFF_CLIENT_CRED_PATH, ${path}, is not what this program wrote there: it needs client_id, registration_access_token and registration_client_uri. ` +
      'Restore it, or move it away and start with DCR_IAT to register anew.',
  )
}
