#!/bin/sh
# Serves the page as a public demonstration. Hugging Face sets SPACE_HOST, serves the Space by HTTPS, and shows it in a
# frame on its own pages.
set -eu
exec lb studio --demo --no-browser \
    --address 0.0.0.0 --port "${PORT:-7860}" \
    --host "${SPACE_HOST:-localhost}" --behind-tls --embed-in https://huggingface.co \
    --cache-size 1GB
