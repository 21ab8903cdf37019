import type { Credentials } from '../files/credentials.ts'
import { ratInvalid } from '../provider/refusal.ts'
import { dueForRotation } from '../rotation/due.ts'
import type { Context } from './context.ts'
import type { Maintained } from './planned.ts'
import { publicJwk } from './signing.ts'

/**
 * A registration without a registration access token: some identity providers issue none. It can be neither looked at nor changed, so it is
 * used as it is for as long as its key is here and not too old.
 */
export async function unmanaged(
  { folder, options, ports, keyBefore }: Context,
  credentials: Credentials,
): Promise<Maintained> {
  const key = await folder.key()
  const kid = (await folder.used()).findLast(({ thumbprint }) => thumbprint === key?.thumbprint)?.kid
  const held = key && { kid, madeAt: key.madeAt, replacedMeanwhile: key.thumbprint !== keyBefore }
  const due = dueForRotation(held, options, ports.now())
  if (key === undefined || kid === undefined || due !== undefined) {
    const why = `none is stored, and ${due ?? 'the key in the PEM is not the one that was registered'}`
    throw ratInvalid(why, { clientId: credentials.client_id, file: options.credentials })
  }
  const signing = { key, kid, isNext: false, promoted: false }
  return { credentials, signing, keys: [publicJwk(signing)], outcome: 'unchanged', reasons: [] }
}
