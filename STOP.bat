@echo off
cd /d "%~dp0"
docker compose --project-name flead --file deploy/compose.yaml down --remove-orphans
pause
