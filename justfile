# Short names for the commands people run often. `just` alone lists them.

default:
    @just --list

# Run the server with nothing configured
serve:
    cargo run --release --bin postrider -- serve

# Pass every test, installing what they need
test:
    scripts/test

# Rewrite the files that are made from the code
generate:
    cargo run --bin postrider -- openapi > docs/openapi.json
    cargo run --bin postrider -- config reference > docs/configuration.md
    cargo run --bin postrider -- cost estimate --markdown > docs/cost.md

# Kill the server at random moments and count every message
crash-drill:
    cargo run --release -p postrider-bench --bin crash-drill

# Measure against Postfix in the same run
bench:
    cargo run --release -p postrider-bench --bin end-to-end

# Fuzz every parser of what strangers send, each for so many seconds
fuzz seconds="60":
    scripts/fuzz {{seconds}}

# Build and zip the AWS functions
package-lambda:
    scripts/package-lambda
