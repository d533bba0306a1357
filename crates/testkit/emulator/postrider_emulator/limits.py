"""Every bound of the emulator."""

# A request to AWS is at most 10 MB for SES over its API after encoding, and far less elsewhere.
REQUEST_BYTES_MAX = 16 * 1024 * 1024
# Connections served at a time; more wait in the listening socket.
CONNECTIONS_MAX = 2048
# How long a connection may stay silent.
CONNECTION_IDLE_SECONDS = 120
# Accounts kept at a time. A test run makes one for each test.
ACCOUNTS_MAX = 20_000
# Faults waiting to happen, an account.
FAULTS_MAX = 1_000
# How often one fault may happen.
FAULT_TIMES_MAX = 1_000_000
# The longest delay a fault can cause.
FAULT_DELAY_MS_MAX = 120_000
# Messages remembered as sent, an account and region. The oldest go first.
SENT_MESSAGES_MAX = 20_000
# Their bytes together.
SENT_BYTES_MAX = 256 * 1024 * 1024
# Messages shown in one answer.
SENT_PAGE_MAX = 1_000
# Recipients of one message, as SES has it.
RECIPIENTS_MAX = 50
# A message with everything in it, as SES v2 has it.
MESSAGE_BYTES_MAX = 40 * 1024 * 1024
# Tags of one message, as SES has it.
EMAIL_TAGS_MAX = 50
# Addresses on one account's suppression list.
SUPPRESSED_ADDRESSES_MAX = 100_000
# Entries on a page of the suppression list, as SES has it.
SUPPRESSED_PAGE_MAX = 1_000
# Event destinations of a configuration set, as SES has it.
EVENT_DESTINATIONS_MAX = 10
# The longest wait of one receive, as SQS has it.
RECEIVE_WAIT_SECONDS_MAX = 20
# Messages that one task moves at most.
MOVED_MESSAGES_MAX = 100_000
# Move tasks remembered, a queue.
MOVE_TASKS_MAX = 10
# A unit of payload that SQS and SNS charge as one request.
BILLED_CHUNK_BYTES = 64 * 1024
# How long DynamoDB knows a transaction by its client request token.
TRANSACTION_TOKEN_SECONDS = 10 * 60
# Tokens known at a time, an account and region. The oldest go first.
TRANSACTION_TOKENS_MAX = 20_000
# A template in a request, and one in S3, as CloudFormation has it.
TEMPLATE_BODY_BYTES_MAX = 51_200
TEMPLATE_URL_BYTES_MAX = 1_000_000
# Resources of a stack, as CloudFormation has it.
STACK_RESOURCES_MAX = 500
# Events remembered, a stack. The oldest go first.
STACK_EVENTS_MAX = 10_000
# Stacks of an account, deleted ones included.
STACKS_MAX = 200
# Access keys of roles: this, the account's number, and four digits.
ROLE_KEY_PREFIX = "ASIA"
CREDENTIALS_MAX = 1_000
# Different questions to IAM remembered, a key.
QUESTIONS_MAX = 10_000
# How much time may pass for a queue at once.
ELAPSE_SECONDS_MAX = 14 * 24 * 60 * 60
