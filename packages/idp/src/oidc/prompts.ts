import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'

/**
 * When a user is asked for something: as OpenID Connect Core §3.1.2.3 has it, and also where there is a session and its user may not
 * use the client: he is disabled, of another organization, or his login was ended.
 */
export function promptPolicy(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base()
  const check = new interactionPolicy.Check(
    'user_gone',
    'End-User authentication is required',
    'login_required',
    isUserGone,
  )
  policy.get('login')?.checks.add(check)
  return policy
}

function isUserGone({ oidc }: KoaContextWithOIDC): boolean {
  if (!oidc.session?.accountId || oidc.account) return false
  // To ask him over and over would not help.
  if (oidc.result?.login) throw new errors.AccessDenied('this user may not use this client')
  return true
}
