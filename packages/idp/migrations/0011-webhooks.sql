-- Subscriptions to events. `document` is the keyring of the secrets by which they are signed.
CREATE TABLE webhooks (
  webhook_id       text PRIMARY KEY,
  organization_id  text NOT NULL,
  name             text NOT NULL,
  url              text NOT NULL,
  events           text[] NOT NULL,
  status           text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'disabled')),
  reason           text,
  created_by       text NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  changed_at       timestamptz NOT NULL DEFAULT now(),
  revision         bigint NOT NULL DEFAULT 1,
  document         jsonb NOT NULL,
  next_decision_at timestamptz,
  failing_since    timestamptz
);
CREATE INDEX webhooks_organization ON webhooks (organization_id, created_at, webhook_id);
CREATE INDEX webhooks_due ON webhooks (next_decision_at) WHERE next_decision_at IS NOT NULL;
SELECT encrypt_column('webhooks', 'url', 'webhook_id');

-- One for each accepted version; it goes when its version is accepted no more.
CREATE TABLE webhook_secrets (
  secret_id     text PRIMARY KEY,
  webhook_id    text NOT NULL REFERENCES webhooks ON DELETE CASCADE,
  sealed_secret text NOT NULL,
  confirmed_at  timestamptz
);
CREATE INDEX webhook_secrets_webhook ON webhook_secrets (webhook_id);
SELECT encrypt_column('webhook_secrets', 'sealed_secret', 'secret_id');

-- What is sent: an event to a webhook, once. What it says is in the chain.
CREATE TABLE webhook_deliveries (
  delivery_id uuid PRIMARY KEY,
  webhook_id  text NOT NULL REFERENCES webhooks ON DELETE CASCADE,
  seq         bigint NOT NULL,
  action      text NOT NULL,
  status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'dead_letter')),
  attempts    int NOT NULL DEFAULT 0,
  created_at  timestamptz NOT NULL DEFAULT now(),
  next_at     timestamptz,
  ended_at    timestamptz,
  last_status int,
  last_error  text,
  UNIQUE (webhook_id, seq)
);
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (status, webhook_id, seq) WHERE status <> 'delivered';
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries USING brin (ended_at);

-- Up to where the audit's chain was gone through. Whoever goes on holds the row.
CREATE TABLE webhook_cursor (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  seq bigint NOT NULL
);
INSERT INTO webhook_cursor (seq) SELECT coalesce(max(seq), 0) FROM audit_chain;
SELECT limit_service('webhook_cursor', 'SELECT, UPDATE');
