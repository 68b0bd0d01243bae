#!/bin/sh
# quickstart.sh garment.jpg selfie.jpg recording.wav, with FITSIZE_ADDRESS and FITSIZE_KEY in the environment.
set -eu
API="$FITSIZE_ADDRESS/api/v1"
AUTH="Authorization: Bearer $FITSIZE_KEY"

# One request: the answer comes when the job has ended, or after 20 seconds with the job as it is then.
curl -sS --fail-with-body "$API/keypoints" -H "$AUTH" -H "Prefer: wait=20" -F "image=@$1" -F clothing=short_sleeve_top
curl -sS --fail-with-body "$API/faces/validate" -H "$AUTH" -H "Prefer: wait=20" -F "selfie=@$2"
curl -sS --fail-with-body "$API/faces/verify" -H "$AUTH" -H "Prefer: wait=20" -F "selfie=@$2" -F "reference=@$2"
curl -sS --fail-with-body "$API/diarization" -H "$AUTH" -H "Prefer: wait=20" -F "audio=@$3" -F num_speakers=2

# Or submit now and look later. With an Idempotency-Key the submit may be repeated when its answer was lost: it stays one job.
JOB=$(curl -sS --fail-with-body -D - -o /dev/null "$API/faces/validate" -H "$AUTH" -H "Idempotency-Key: $(date +%s)-$$" -F "selfie=@$2" |
    tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
curl -sS --fail-with-body "$FITSIZE_ADDRESS$JOB?wait=20" -H "$AUTH"
curl -sS --fail-with-body -X DELETE "$FITSIZE_ADDRESS$JOB" -H "$AUTH" # erase it
