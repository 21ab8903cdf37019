import { turns } from '@rekey/service'
import { attempt, type Outcome, type Sending } from './attempt.ts'
import { bodyOf, messageId } from './message.ts'
import { acceptedSecrets } from './stored.ts'
import type { Due } from './take.ts'

/** So many calls to one host at once. */
export const mostToOneHost = 32

/**
 * Sends what deliveries are about; to one host only so many at once.
 *
 * @param signal throws when it says that there is no more time
 */
export function sender(sending: Sending, signal: AbortSignal): (due: Due) => Promise<Outcome> {
  const toHost = turns(mostToOneHost)
  return async ({ pending, subscription: { status, target } }) => {
    if (status !== 'active') return { isDelivered: false, isFinal: true, error: `the webhook is ${status}` }
    if (!target) return { isDelivered: false, error: 'the webhook cannot be decrypted' }
    return toHost(hostOf(target.url), () => {
      const message = {
        id: messageId(pending.deliveryId),
        body: bodyOf(pending.text),
        url: target.url,
        secrets: acceptedSecrets(target, sending.now()),
      }
      return attempt(sending, message, signal)
    })
  }
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url)
