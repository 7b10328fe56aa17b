# docker build -t lb -f cpu.Dockerfile .
# docker run --rm -v "$PWD:/work" lb render "a red apple" "a green pear" --model pocket-turbo -o film.mp4
FROM python:3.13-slim

RUN pip install --no-cache-dir latent-blending
WORKDIR /work
ENTRYPOINT ["lb"]
CMD ["--help"]
